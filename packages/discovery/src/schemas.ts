import { createLoader } from '@oa/mechanisms';

/** Loads valibot, which a cache hit does not need. */
export const loadMetadataSchemas: () => Promise<typeof import('@oa/types/schemas')> = createLoader(
  () => import('@oa/types/schemas'),
);
