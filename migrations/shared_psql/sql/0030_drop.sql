drop function begin_run;
