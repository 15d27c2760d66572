import { createLoader } from '@oa/mechanisms';

/** Loads the code that asks a platform over https, which other sources do not need. */
export const loadPlatformRequest: () => Promise<typeof import('./platform-request.ts')> = createLoader(
  () => import('./platform-request.ts'),
);
