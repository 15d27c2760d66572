export { isBuilt, sourceArguments } from './conditions.ts';
export { errorThrownBy, inspectAll, rejectionOf } from './errors.ts';
export { growthOf } from './growth.ts';
export { observeLoading, type Loading } from './loading.ts';
export { runNodeTests, type NodeTestReport } from './node-tests.ts';
export { findProgram } from './programs.ts';
export { startProcess, type ProcessEnd, type StartOptions, type TestProcess } from './process.ts';
export { mountSmallDisk, type SmallDisk } from './small-disk.ts';
export { temporaryDirectory } from './directory.ts';
