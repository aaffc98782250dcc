-- A refresh token names its family, so that any earlier one of it, however old, is known for what it is and ends the
-- sign-in. Until now only the last but one was known. The salt gives the same next token again when its answer was lost.
set local role hub_owner;
set local search_path = hub;

-- Found by its family only. One row a sign-in: short enough for an index beside the change.
alter table sign_ins
  drop constraint sign_ins_refresh_sha256_key,
  drop constraint sign_ins_previous_sha256_key,
  add column family_sha256 bytea unique check (length(family_sha256) = 32),
  add column refresh_salt bytea check (length(refresh_salt) = 32);
-- The token of a sign-in that is there begins its family.
update sign_ins set family_sha256 = refresh_sha256;
alter table sign_ins alter column family_sha256 set not null;

reset role;
reset search_path;
