drop trigger rings_to_cancel on instances;
drop trigger rings_to_cancel on runs;
drop trigger rings_to_claim on runs;
drop function ring_runners;
