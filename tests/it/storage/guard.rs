//! The hub refuses to work on a database whose row-level security does not hold.

use hub::storage::roles_are_apart;
use sqlx::Executor;
use support::TestHub;

#[tokio::test]
async fn a_whole_schema_is_accepted() {
    let hub = TestHub::start().await;
    hub.db.check_row_level_security().await.unwrap();
}

#[tokio::test]
async fn a_table_without_row_level_security_is_refused() {
    refused_after("alter table hub.events disable row level security", "events").await;
}

#[tokio::test]
async fn a_table_whose_owner_is_let_through_is_refused() {
    refused_after("alter table hub.turns no force row level security", "turns").await;
}

#[tokio::test]
async fn a_table_without_a_policy_for_the_agent_is_refused() {
    refused_after("drop policy tenant on hub.memories", "memories").await;
}

#[tokio::test]
async fn a_table_without_a_policy_for_the_hub_is_refused() {
    refused_after("drop policy system on hub.agents", "agents").await;
}

#[tokio::test]
async fn a_new_table_that_nobody_protected_is_refused() {
    refused_after(
        "create table hub.diaries (agent_id uuid not null, id uuid)",
        "diaries",
    )
    .await;
}

#[tokio::test]
async fn a_policy_that_lets_every_agent_through_is_refused() {
    refused_after("alter policy tenant on hub.actions using (true)", "actions").await;
}

#[tokio::test]
async fn a_second_policy_that_opens_a_table_is_refused() {
    refused_after(
        "create policy help on hub.commands to public using (true)",
        "commands",
    )
    .await;
}

#[tokio::test]
async fn a_table_that_forgot_who_is_limited_to_some_spaces_is_refused() {
    refused_after("drop policy spaces on hub.events", "events").await;
    refused_after("alter policy spaces on hub.memories using (true)", "memories").await;
    refused_after("drop policy spaces on hub.spaces", "spaces").await;
    refused_after("alter table hub.turns add column space_id uuid not null", "turns").await;
}

#[tokio::test]
async fn a_policy_that_was_loosened_a_little_is_refused() {
    refused_after(
        "alter policy tenant on hub.events using (agent_id = (select hub.agent()))",
        "events",
    )
    .await;
    refused_after("alter policy tenant on hub.actions with check (true)", "actions").await;
    refused_after(
        "alter policy system on hub.spaces to hub_system, hub_app",
        "spaces",
    )
    .await;
    refused_after(
        "create policy peek on hub.turns for select to hub_owner using (true)",
        "turns",
    )
    .await;
    refused_after(
        "create policy shut on hub.jobs as restrictive using (false)",
        "jobs",
    )
    .await;
}

/// Roles belong to the whole cluster, so what is tried here is never committed.
#[tokio::test]
async fn roles_that_can_become_each_other_are_refused() {
    let hub = TestHub::start().await;
    for (grant, who) in [
        ("grant hub_system to hub_app", "hub_app is a member of hub_system"),
        (
            "grant hub_owner to hub_system",
            "hub_system is a member of hub_owner",
        ),
        (
            "grant pg_read_all_data to hub_app",
            "hub_app is a member of pg_read_all_data",
        ),
        ("alter role hub_owner bypassrls", "hub_owner may bypass it"),
    ] {
        let mut session = hub.sql().pool().begin().await.unwrap();
        roles_are_apart(&mut session).await.unwrap();
        session.execute(grant).await.unwrap();
        let refusal = roles_are_apart(&mut session).await.unwrap_err().to_string();
        assert!(refusal.contains(who), "{refusal}");
    }
}

async fn refused_after(damage: &str, table: &str) {
    let hub = TestHub::start().await;
    hub.sql().execute(damage).await;
    let refusal = hub.db.check_row_level_security().await.unwrap_err().to_string();
    assert!(refusal.contains("row-level security is not active"), "{refusal}");
    assert!(refusal.contains(table), "{refusal}");
}
