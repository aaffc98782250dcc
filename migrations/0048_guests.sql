-- A guest talks with the agent, and is told nothing of the household's: neither what it remembers nor what was said to others. As with
-- agent, audience and spaces, a forgotten WHERE is harmless: the rule is a setting of the transaction, and one that does not say is
-- refused.
set local role hub_owner;
set local search_path = hub;

-- `yes`: the household's things and one's own. `no`: one's own alone.
create function hub.sees_household() returns boolean
language sql stable parallel safe as $$
  select current_setting('hub.household') = 'yes'
$$;

-- Hides the household's rows of a table from those who see their own alone. What they do is told to the household all the same. The hub
-- refuses to serve where a table with an audience escaped it.
create procedure hub.limit_to_own(target regclass)
language plpgsql as $$
begin
  execute format('create policy household on %s as restrictive for select to hub_app
    using ((select hub.sees_household()) or audience_person_id is not null)', target);
end
$$;
revoke execute on procedure hub.limit_to_own from public;

do $$
declare
  it record;
begin
  for it in
    select a.attrelid::regclass as tab from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'audience_person_id' and not a.attisdropped
      and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant')
  loop
    call hub.limit_to_own(it.tab);
  end loop;
end
$$;

-- Every table that has an audience from now on, too.
create or replace procedure hub.protect(target regclass, has_audience boolean default false, agent_column text default 'agent_id')
language plpgsql as $$
declare
  rule text := format('%I = (select hub.agent())', agent_column);
begin
  if has_audience then
    rule := rule || ' and (audience_person_id is null or audience_person_id = (select hub.person()))';
  end if;
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy tenant on %s to hub_app using (%s) with check (%s)', target, rule, rule);
  execute format('create policy system on %s to hub_system using (true) with check (true)', target);
  if has_audience then
    call hub.limit_to_own(target);
    call hub.follow_people(target);
  end if;
end
$$;

-- The same for what runs as the owner and filters by itself.
create or replace function hub.recall_words(question text, config regconfig, max_results integer)
returns table (memory_id uuid, word_score real, matched text[], asked integer)
language plpgsql stable security definer
set search_path = hub, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  for_agent constant uuid := hub.agent();
  for_person constant uuid := hub.person();
  for_household constant boolean := hub.sees_household();
  for_spaces constant uuid[] := hub.spaces();
  terms constant text[] := tsvector_to_array(to_tsvector(config, question));
  any_term tsquery;
begin
  if cardinality(terms) = 0 then
    return;
  end if;
  select string_agg(quote_literal(term), ' | ')::tsquery into any_term from unnest(terms) as term;
  return query
    select ranked.id,
           (ts_rank(ranked.words, any_term, 1) * (0.25 + 0.75 * cardinality(ranked.hits)::real / cardinality(terms)))::real,
           ranked.hits,
           cardinality(terms)
    from (
      select m.id, m.words,
             array(select t from unnest(terms) as t where t = any (tsvector_to_array(m.words))) as hits
      from memories m
      where m.agent_id = for_agent
        and m.words @@ any_term
        and m.lifecycle = 'committed'
        and ((for_household and m.audience_person_id is null) or m.audience_person_id = for_person)
        and (for_spaces is null or m.space_id = any (for_spaces))
      limit 2000
    ) as ranked
    order by 2 desc, ranked.id desc
    limit least(greatest(max_results, 0), 200);
end
$$;

do $$
declare
  vectors constant text := (select extnamespace::regnamespace::text from pg_extension where extname = 'vector');
begin
  -- Its settings are known once it is loaded, which happens with its first use.
  execute format('select ''[1]''::%s.vector', vectors);
  execute format($make$
    create or replace function hub.recall_vectors(question real[], of_model text, max_results integer)
    returns table (memory_id uuid, cosine real)
    language plpgsql stable security definer
    set search_path = hub, pg_temp
    set plan_cache_mode = force_custom_plan
    set hnsw.iterative_scan = relaxed_order
    as $body$
    declare
      width constant integer := cardinality(question);
      for_spaces constant uuid[] := hub.spaces();
      -- Only where there is a limit: whoever has none is to be read with the plan that they had.
      in_spaces constant text := case when for_spaces is null then '' else
        'and exists (select from memories m where m.agent_id = e.agent_id and m.id = e.owner_id and m.space_id = any ($6))' end;
      audience constant text := case when hub.sees_household() then 'e.audience_person_id is null or' else '' end;
    begin
      if width not in (384, 768, 1024, 1536) then
        raise exception 'there are no embeddings with %% dimensions', width using errcode = '22023';
      end if;
      return query execute format(
        'with nearest as materialized (
           select e.owner_id, (1 - (e.embedding operator(%1$s.<=>) $1::%1$s.vector(%%1$s)))::real as cosine
           from embeddings_%%1$s e
           where e.agent_id = $2 and e.owner_kind = ''memory'' and e.model = $3 and e.embedding is not null
             and (%%3$s e.audience_person_id = $4) %%2$s
           order by e.embedding operator(%1$s.<=>) $1::%1$s.vector(%%1$s)
           limit $5)
         select owner_id, cosine from nearest order by cosine desc, owner_id desc', width, in_spaces, audience)
      using question, hub.agent(), of_model, hub.person(), least(greatest(max_results, 0), 200), for_spaces;
    end
    $body$
  $make$, vectors);
end
$$;

reset role;
reset search_path;
