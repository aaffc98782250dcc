//! What the database holds, to see that nothing changed.

use std::collections::BTreeMap;

use crate::SuperuserSql;

/// Each table's rows, counted and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    /// Of everything.
    pub async fn of(sql: &SuperuserSql) -> Self {
        Self::take(sql, "true").await
    }

    /// Of everything but the hub's own audit chain, where a refused sign-in is written down.
    pub async fn without_hub_chain(sql: &SuperuserSql) -> Self {
        let nil = "coalesce(to_jsonb(t) ->> 'agent_id', '') <> '00000000-0000-0000-0000-000000000000'";
        Self::take(sql, nil).await
    }

    /// Of the rows of each table `t` where something holds.
    pub async fn where_is(sql: &SuperuserSql, condition: &str) -> Self {
        Self::take(sql, condition).await
    }

    async fn take(sql: &SuperuserSql, condition: &str) -> Self {
        let listed = "select table_name::text from information_schema.tables where table_schema = 'hub'";
        let tables: Vec<String> = sql.values(listed).await;
        let mut rows = BTreeMap::new();
        for table in tables {
            let query = format!(
                "select count(*) || ' rows, ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '')
                 from hub.{table} t where {condition}"
            );
            rows.insert(table, sql.value(&query).await);
        }
        Self(rows)
    }

    /// The tables that differ.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<&str> {
        let differs = |(table, rows): (&'_ String, &String)| before.0.get(table) != Some(rows);
        let changed = self.0.iter().filter(|&(table, rows)| differs((table, rows)));
        changed.map(|(table, _)| table.as_str()).collect()
    }
}
