drop function forget_guesses;
drop table guesses;
