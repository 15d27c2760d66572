/**
 * The arguments with which Node resolves `@oa` packages to their sources. With `OA_TEST_BUILT=1` there are none, so that the tests run against
 * the built packages.
 */
export const sourceArguments: readonly string[] =
  process.env['OA_TEST_BUILT'] === '1' ? [] : ['--conditions=@oa/source'];
