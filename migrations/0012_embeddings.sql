-- What memories mean, as vectors, so that recall finds what was said in other words. An index holds vectors of one length
-- only, so there is a table for each length that models commonly have.
--
-- The extension belongs to no schema of ours, and where it is differs between databases: what names its type and its
-- operators is put together here with the schema that it has.
do $$
begin
  create extension if not exists vector;
exception when insufficient_privilege then
  raise exception 'pgvector is missing: a superuser has to run "create extension vector" in this database';
end
$$;
do $$
declare
  version constant text := (select extversion from pg_extension where extname = 'vector');
begin
  -- Before 0.8 a search by one agent of many ends before it has found enough.
  if string_to_array(version, '.')::integer[] < array[0, 8] then
    raise exception 'pgvector 0.8 or later is needed, and this is %: run "alter extension vector update"', version;
  end if;
end
$$;

set local role hub_owner;
set local search_path = hub;

-- The models that memories have vectors of. One is asked; another is being filled, or not needed any more.
create table embedding_models (
  name text not null check (length(name) between 1 and 200),
  dimensions integer not null check (dimensions in (384, 768, 1024, 1536)),
  is_active boolean not null,
  wanted_at timestamptz not null, -- when a process last had it configured
  created_at timestamptz not null,
  primary key (name, dimensions)
);
create unique index embedding_models_active on embedding_models (is_active) where is_active;
grant select, insert, update, delete on embedding_models to hub_system;

do $$
declare
  width integer;
  vectors constant text := (select extnamespace::regnamespace::text from pg_extension where extname = 'vector');
begin
  foreach width in array array[384, 768, 1024, 1536] loop
    -- A text that its model will never take has a row that says why, so that it is not asked again.
    execute format('
      create table embeddings_%1$s (
        agent_id uuid not null references agents,
        owner_kind text not null check (owner_kind = ''memory''),
        owner_id uuid not null,
        model text not null check (length(model) between 1 and 200),
        audience_person_id uuid,
        embedding %2$s.vector(%1$s),
        problem text check (length(problem) between 1 and 500),
        created_at timestamptz not null,
        primary key (agent_id, owner_id, owner_kind, model),
        foreign key (agent_id, owner_id) references memories on delete cascade,
        foreign key (agent_id, audience_person_id) references people,
        check ((embedding is null) = (problem is not null))
      )', width, vectors);
    execute format('create index embeddings_%1$s_nearest on embeddings_%1$s using hnsw (embedding %2$s.vector_cosine_ops)
      with (m = 16, ef_construction = 64)', width, vectors);
    execute format('call hub.protect(''embeddings_%s'', has_audience => true)', width);
    execute format('create policy recall on embeddings_%s for select to hub_owner using (true)', width);
    execute format('grant select, delete, update (audience_person_id) on embeddings_%s to hub_app', width);
    execute format('grant select, insert, delete, update (audience_person_id) on embeddings_%s to hub_system', width);
  end loop;
end
$$;

-- A memory that is forgotten, superseded or edited loses its vectors in the same transaction, whoever does it; one that is
-- shared or made private takes them along.
create function hub.embeddings_follow() returns trigger
language plpgsql as $$
begin
  if new.lifecycle <> 'committed' or new.content <> old.content then
    delete from embeddings_384 where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
    delete from embeddings_768 where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
    delete from embeddings_1024 where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
    delete from embeddings_1536 where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
  elsif new.audience_person_id is distinct from old.audience_person_id then
    update embeddings_384 set audience_person_id = new.audience_person_id
      where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
    update embeddings_768 set audience_person_id = new.audience_person_id
      where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
    update embeddings_1024 set audience_person_id = new.audience_person_id
      where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
    update embeddings_1536 set audience_person_id = new.audience_person_id
      where agent_id = new.agent_id and owner_id = new.id and owner_kind = 'memory';
  end if;
  return null;
end
$$;
alter function hub.embeddings_follow set search_path = hub, pg_temp;
create trigger embeddings_follow after update of lifecycle, content, audience_person_id on memories
  for each row execute function hub.embeddings_follow();

-- Recall by meaning. Like recall_words it runs as the owner, since <=> is not leakproof, and filters by agent and audience
-- itself. The statement is planned for this agent each time: one with few memories is read whole, which is exact and quick;
-- for one with many the index is walked until enough of its own were met.
do $$
declare
  vectors constant text := (select extnamespace::regnamespace::text from pg_extension where extname = 'vector');
begin
  execute format($make$
    create function hub.recall_vectors(question real[], of_model text, max_results integer)
    returns table (memory_id uuid, cosine real)
    language plpgsql stable security definer
    set search_path = hub, pg_temp
    set plan_cache_mode = force_custom_plan
    set hnsw.iterative_scan = relaxed_order
    as $body$
    declare
      width constant integer := cardinality(question);
    begin
      if width not in (384, 768, 1024, 1536) then
        raise exception 'there are no embeddings with %% dimensions', width using errcode = '22023';
      end if;
      return query execute format(
        'with nearest as materialized (
           select e.owner_id, (1 - (e.embedding operator(%1$s.<=>) $1::%1$s.vector(%%1$s)))::real as cosine
           from embeddings_%%1$s e
           where e.agent_id = $2 and e.owner_kind = ''memory'' and e.model = $3 and e.embedding is not null
             and (e.audience_person_id is null or e.audience_person_id = $4)
           order by e.embedding operator(%1$s.<=>) $1::%1$s.vector(%%1$s)
           limit $5)
         select owner_id, cosine from nearest order by cosine desc, owner_id desc', width)
      using question, hub.agent(), of_model, hub.person(), least(greatest(max_results, 0), 200);
    end
    $body$
  $make$, vectors);
end
$$;
revoke execute on function hub.recall_vectors from public;
grant execute on function hub.recall_vectors to hub_app;

reset role;
reset search_path;
