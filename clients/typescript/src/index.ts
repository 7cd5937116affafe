export * as emissions from './generated/emissions/index.ts';
export * as jobs from './generated/jobs/index.ts';
export * as oracle from './generated/oracle/index.ts';
export * as staking from './generated/staking/index.ts';
export * from './job.ts';
