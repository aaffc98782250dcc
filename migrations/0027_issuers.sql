-- Users for whom an issuer of OpenID Connect vouches: who somebody is there, and who they are here. They need no password; whoever
-- has none signs in nowhere but there.
set local role hub_owner;
set local search_path = hub;

alter table users alter column password_hash drop not null;

create table user_identities (
  issuer text not null check (length(issuer) between 1 and 300),
  subject text not null check (length(subject) between 1 and 255),
  user_id uuid not null references users,
  created_at timestamptz not null,
  primary key (issuer, subject)
);
create index user_identities_user on user_identities (user_id);
grant select, insert on user_identities to hub_system;

reset role;
reset search_path;
