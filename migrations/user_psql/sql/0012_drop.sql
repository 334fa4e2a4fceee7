delete from mfa_challenges where purpose <> 'second_factor';
alter table mfa_challenges drop column purpose;
alter table mfa_challenges alter column account_id set not null;
drop table passkeys;
