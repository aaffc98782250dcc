-- Whoever fills the places of those that wait to be paired makes room for the next from their own: so each row says which network
-- it was asked from.
set local role hub_owner;
set local search_path = hub;

-- An IPv4 address, or an IPv6 network of 48 bits; null where the hub saw none.
alter table pairings add column asked_from_network text check (length(asked_from_network) <= 64);

reset role;
reset search_path;
