//! Delegations, and the chains that they make.

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    delegations::{
        Delegation, Shown,
        chain::{Issuer, Link},
    },
    error::Result,
    identity::{Role, Scope},
    ids::{AgentId, DelegationId, SpaceId, TokenId, UserId},
    page::PageRequest,
    places::Spaces,
    secret::SecretHash,
};

/// The tables of delegations.
pub struct Delegations<'a>(&'a mut Tx);

impl Tx {
    /// The tables of delegations.
    pub fn delegations(&mut self) -> Delegations<'_> {
        Delegations(self)
    }
}

/// A chain that is held until the end of the unit of work.
#[derive(Debug, Clone, Copy)]
pub struct HeldChain {
    /// Whether none of it is revoked or over.
    pub is_alive: bool,
    /// Whether all of it may make the agent think once more.
    pub has_turns: bool,
}

struct DelegationRow {
    id: Uuid,
    parent_id: Option<Uuid>,
    depth: i32,
    to_agent_id: Option<Uuid>,
    to_service: Option<String>,
    scopes: Vec<String>,
    space_ids: Option<Vec<Uuid>>,
    max_uses: Option<i64>,
    uses: i64,
    max_turns: Option<i64>,
    turns: i64,
    issued_by: Option<Uuid>,
    created_at: DateTime,
    expires_at: DateTime,
    revoked_at: Option<DateTime>,
}

impl From<DelegationRow> for Delegation {
    fn from(row: DelegationRow) -> Self {
        Self {
            id: row.id.into(),
            parent_id: row.parent_id.map(DelegationId),
            depth: row.depth,
            to_agent_id: row.to_agent_id.map(AgentId),
            to_service: row.to_service,
            scopes: row.scopes,
            space_ids: row.space_ids.map(|ids| ids.into_iter().map(SpaceId).collect()),
            max_uses: row.max_uses,
            uses: row.uses,
            max_turns: row.max_turns,
            turns: row.turns,
            issued_by: row.issued_by.map(UserId),
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// A query of an agent's delegations `d`, all of them or one with those below it: what else, and what it is asked with after the
/// agent and the one.
macro_rules! delegations {
    ($which:literal, $agent:expr, $beneath:expr, $($argument:expr),+) => {
        sqlx::query_as!(
            DelegationRow,
            r#"with recursive below as (
                 select id from delegations where agent_id = $1 and id = $2
                 union
                 select d.id from below join delegations d on d.agent_id = $1 and d.parent_id = below.id)
               select d.id, d.parent_id, d.depth, d.to_agent_id, d.to_service, d.scopes, d.space_ids, d.max_uses, d.uses, d.max_turns,
                 d.turns, d.issued_by, d.created_at, d.expires_at, d.revoked_at
               from delegations d
               where d.agent_id = $1 and ($2::uuid is null or d.id in (select id from below)) "#
                + $which,
            $agent,
            $beneath as Option<Uuid>,
            $($argument),+
        )
    };
}

impl Delegations<'_> {
    /// The delegation of a secret, also of one that is revoked or over, until that is swept. Across agents, so as the hub itself.
    pub async fn shown(&mut self, hash: &SecretHash) -> Result<Option<Shown>> {
        let now = self.0.now();
        let row = sqlx::query!(
            r#"select id, agent_id, delegation_id as "delegation_id!",
                 coalesce(revoked_at is null and expires_at > $2, false) as "is_alive!"
               from access_tokens where token_sha256 = $1 and kind = 'delegation'"#,
            hash.as_slice(),
            now
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| Shown {
            agent: row.agent_id.into(),
            delegation: row.delegation_id.into(),
            token: row.id.into(),
            is_alive: row.is_alive,
        }))
    }

    /// A delegation and all that it came from, the first one first, as they are now; nothing where there is no such delegation.
    pub async fn chain(&mut self, agent: AgentId, id: DelegationId) -> Result<Vec<Link>> {
        let chains = self.chains(&[(agent, id)]).await?;
        Ok(chains.into_iter().next().unwrap_or_default())
    }

    /// The same of many, each in its place. A role counts where its user has had it since before; whoever left and came back begins
    /// anew. Across agents, so as the hub itself.
    pub async fn chains(&mut self, all: &[(AgentId, DelegationId)]) -> Result<Vec<Vec<Link>>> {
        let mut chains = vec![Vec::new(); all.len()];
        if all.is_empty() {
            return Ok(chains);
        }
        let now = self.0.now();
        let (agents, ids): (Vec<Uuid>, Vec<Uuid>) = all.iter().map(|(agent, id)| (agent.0, id.0)).unzip();
        let rows = sqlx::query!(
            r#"with recursive up as (
                 select d.*, 1 as height, here.number from unnest($1::uuid[], $2::uuid[]) with ordinality as here(agent, id, number)
                 join delegations d on d.agent_id = here.agent and d.id = here.id
                 union all
                 select p.*, up.height + 1, up.number from up
                 join delegations p on p.agent_id = up.agent_id and p.id = up.parent_id
                 where up.height < 8)
               select up.number as "number!", up.id as "id!", up.parent_id as "parent_id?", up.to_agent_id as "to_agent_id?", up.scopes as "scopes!", up.space_ids as "space_ids?",
                 (up.revoked_at is null and up.expires_at > $3 and own.id is not null and here.user_id is null
                   and (up.to_agent_id is null or other.id is not null)) as "is_alive!",
                 (up.issued_by is not null) as "is_by_user!", m.role as "role?"
               from up
               left join agents own on own.id = up.agent_id and own.disabled_at is null and own.paused_at is null
               left join agents other on other.id = up.to_agent_id and other.disabled_at is null
                 and other.paused_at is null
               left join users u on u.id = up.issued_by and u.disabled_at is null
               left join memberships m on m.agent_id = up.issuer_agent_id and m.user_id = u.id and m.revoked_at is null
                 and m.created_at <= up.created_at
               left join memberships here on here.agent_id = up.agent_id and here.user_id = up.issued_by
                 and here.role = 'blocked' and here.revoked_at is null
               order by up.number, up.depth"#,
            &agents,
            &ids,
            now
        );
        for row in rows.fetch_all(self.0.connection()).await? {
            let place = usize::try_from(row.number - 1).unwrap_or(usize::MAX);
            let within = row
                .space_ids
                .map(|ids| Spaces::of(&ids.into_iter().map(SpaceId).collect::<Vec<_>>()));
            let link = Link {
                id: row.id.into(),
                parent: row.parent_id.map(DelegationId),
                to_agent: row.to_agent_id.map(AgentId),
                scopes: row.scopes.iter().filter_map(|word| Scope::parse(word)).collect(),
                // A limit that cannot be kept is none of ours, and nothing is seen by it.
                is_alive: row.is_alive && within != Some(None),
                within: within.flatten(),
                issuer: if row.is_by_user {
                    Issuer::User(row.role.map(|word| Role::parse(&word).unwrap_or(Role::Blocked)))
                } else {
                    Issuer::Service
                },
            };
            // Numbered by this query, from one on.
            if let Some(chain) = chains.get_mut(place) {
                chain.push(link);
            }
        }
        Ok(chains)
    }

    /// Counts a use of every delegation of a chain, or of none: false where one of them has ended or was used as often as it may be.
    /// They are held from the first to the last, so that two uses do not wait in a circle. Across agents, so as the hub itself.
    pub async fn count_use(&mut self, agent: AgentId, chain: &[DelegationId]) -> Result<bool> {
        let now = self.0.now();
        let ids: Vec<Uuid> = chain.iter().map(|id| id.0).collect();
        let done = sqlx::query!(
            "with held as (
               select id from delegations
               where agent_id = $1 and id = any ($2) and revoked_at is null and expires_at > $3
                 and (max_uses is null or uses < max_uses)
               order by depth for update)
             update delegations d set uses = d.uses + 1 from held
             where d.agent_id = $1 and d.id = held.id and (select count(*) from held) = cardinality($2::uuid[])",
            agent.0,
            &ids,
            now
        );
        let counted = done.execute(self.0.connection()).await?.rows_affected();
        Ok(counted == ids.len() as u64)
    }

    /// Holds a chain until the end: before the head, as everybody does.
    pub async fn hold(&mut self, chain: &[DelegationId]) -> Result<HeldChain> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let ids: Vec<Uuid> = chain.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"select (revoked_at is null and expires_at > $3) as "is_alive!",
                 (max_turns is null or turns < max_turns) as "has_turns!"
               from delegations where agent_id = $1 and id = any ($2) order by depth for update"#,
            agent.0,
            &ids,
            now
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let are_all = rows.len() == ids.len() && !ids.is_empty();
        Ok(HeldChain {
            is_alive: are_all && rows.iter().all(|row| row.is_alive),
            has_turns: are_all && rows.iter().all(|row| row.has_turns),
        })
    }

    /// Counts a turn of every delegation of a chain that is held and has turns left.
    pub async fn count_turn(&mut self, chain: &[DelegationId]) -> Result<()> {
        let agent = self.0.agent();
        let ids: Vec<Uuid> = chain.iter().map(|id| id.0).collect();
        let done = sqlx::query!(
            "update delegations set turns = turns + 1 where agent_id = $1 and id = any ($2)",
            agent.0,
            &ids
        );
        let done = done.execute(self.0.connection()).await?.rows_affected();
        one(
            u64::from(done == ids.len() as u64),
            "a turn was not counted for every delegation of its chain",
        )
    }

    /// How many live: of all, or of those below one. With the head in hand nobody makes another meanwhile.
    pub async fn live(&mut self, below: Option<DelegationId>) -> Result<i64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let count = sqlx::query_scalar!(
            r#"with recursive below as (
                 select id from delegations where agent_id = $1 and parent_id = $2
                 union
                 select d.id from below join delegations d on d.agent_id = $1 and d.parent_id = below.id)
               select count(*) as "count!" from delegations d
               where d.agent_id = $1 and d.revoked_at is null and d.expires_at > $3
                 and ($2::uuid is null or d.id in (select id from below))"#,
            agent.0,
            below.map(|id| id.0),
            now
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// Inserts a delegation with its secret; false where there is no such agent to give it to. Nothing else can be done then.
    pub async fn insert(
        &mut self,
        new: &Delegation,
        issuer: Option<AgentId>,
        secret: &SecretHash,
    ) -> Result<bool> {
        let agent = self.0.agent();
        let spaces = new
            .space_ids
            .as_ref()
            .map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
        let inserted = sqlx::query!(
            "insert into delegations (agent_id, id, parent_id, depth, to_agent_id, to_service, scopes, max_uses, max_turns,
               issuer_agent_id, issued_by, created_at, expires_at, space_ids)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            agent.0,
            new.id.0,
            new.parent_id.map(|id| id.0),
            new.depth,
            new.to_agent_id.map(|id| id.0),
            new.to_service,
            &new.scopes,
            new.max_uses,
            new.max_turns,
            issuer.map(|agent| agent.0),
            new.issued_by.map(|user| user.0),
            new.created_at,
            new.expires_at,
            spaces.as_deref()
        );
        match inserted.execute(self.0.connection()).await {
            Err(sqlx::Error::Database(error))
                if error.constraint() == Some("delegations_to_agent_id_fkey") =>
            {
                return Ok(false);
            }
            done => done?,
        };
        sqlx::query!(
            "insert into access_tokens (agent_id, id, kind, delegation_id, token_sha256, scopes, created_at, expires_at)
             values ($1, $2, 'delegation', $3, $4, $5, $6, $7)",
            agent.0,
            TokenId::mint().0,
            new.id.0,
            secret.as_slice(),
            &new.scopes,
            new.created_at,
            new.expires_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(true)
    }

    /// A page of delegations, oldest first: all of the agent, or one with those below it.
    pub async fn page(
        &mut self,
        beneath: Option<DelegationId>,
        page: PageRequest,
    ) -> Result<Vec<Delegation>> {
        let agent = self.0.agent();
        let rows = delegations!(
            "and ($3::uuid is null or d.id > $3) order by d.id limit $4",
            agent.0,
            beneath.map(|id| id.0),
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(Delegation::from).collect())
    }

    /// A delegation of the agent, or among one and those below it.
    pub async fn find(
        &mut self,
        beneath: Option<DelegationId>,
        id: DelegationId,
    ) -> Result<Option<Delegation>> {
        let agent = self.0.agent();
        let row = delegations!("and d.id = $3", agent.0, beneath.map(|id| id.0), id.0);
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(Delegation::from))
    }

    /// Those that a user of the agent made.
    pub async fn made_by(&mut self, user: UserId) -> Result<Vec<DelegationId>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            "select id from delegations where agent_id = $1 and issued_by = $2 and parent_id is null and revoked_at is null",
            agent.0,
            user.0
        );
        let ids = ids.fetch_all(self.0.connection()).await?;
        Ok(ids.into_iter().map(DelegationId).collect())
    }

    /// Revokes delegations and all below them; how many lived. They are held from the first to the last, as everywhere.
    pub async fn revoke(&mut self, ids: &[DelegationId]) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let ended = sqlx::query_scalar!(
            r#"with recursive below as (
                 select id from delegations where agent_id = $1 and id = any ($2)
                 union
                 select d.id from below join delegations d on d.agent_id = $1 and d.parent_id = below.id),
               held as (select d.id from delegations d where d.agent_id = $1 and d.id in (select id from below)
                 order by d.depth, d.id for update),
               ended as (update delegations d set revoked_at = $3 from held
                 where d.agent_id = $1 and d.id = held.id and d.revoked_at is null returning d.expires_at > $3 as lived),
               secrets as (update access_tokens t set revoked_at = $3 from held
                 where t.agent_id = $1 and t.delegation_id = held.id and t.revoked_at is null)
               select count(*) as "count!" from ended where lived"#,
            agent.0,
            &ids,
            now
        );
        let ended = ended.fetch_one(self.0.connection()).await?;
        Ok(ended.unsigned_abs())
    }

    /// Removes those that ended before a time, whose secrets are gone and that neither one below needs nor a talk, at most so many.
    pub async fn purge(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from delegations where (agent_id, id) in
               (select d.agent_id, d.id from delegations d
                where least(d.revoked_at, d.expires_at) < $1
                  and not exists (select from access_tokens t where t.agent_id = d.agent_id and t.delegation_id = d.id)
                  and not exists (select from delegations c where c.agent_id = d.agent_id and c.parent_id = d.id)
                  and not exists (select from conversations v where v.agent_id = d.agent_id and v.delegation_id = d.id)
                limit $2)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
