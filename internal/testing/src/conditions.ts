/** Whether the tests run against the built packages. */
export const isBuilt: boolean = process.env['OA_TEST_BUILT'] === '1';

/** The arguments with which Node resolves `@oa` packages to their sources. None where the tests run against the built packages. */
export const sourceArguments: readonly string[] = isBuilt ? [] : ['--conditions=@oa/source'];
