drop function claim_runs;
