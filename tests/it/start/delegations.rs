//! `hub delegations`: a service acts for the agent with what the owner let it.

use support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_acts_as_far_as_it_was_let_until_it_is_stopped() {
    let program = Program::claimed(&[]).await;
    let ada = program.shell();
    let said = ada.types(&["delegations"]).await;
    assert!(said.contains("Nobody acts for the agent."), "{said}");

    let wish = [
        "delegations",
        "--to-service",
        "calendar-sync",
        "--scope",
        "memories:read",
    ];
    let curl = [&wish[..], &["--curl"]].concat();
    let shown = ada.types(&curl).await;
    assert!(shown.contains("/v1/agents/self/delegations"), "{shown}");
    let create = [&wish[..], &["--days", "7", "--uses", "2"]].concat();
    let said = ada.types(&create).await;
    assert!(
        said.contains("not shown again") && said.contains("Authorization: Bearer"),
        "{said}"
    );
    let secret = said
        .lines()
        .find(|line| line.starts_with("hubg_"))
        .expect("the secret")
        .to_owned();

    let service = ada.with_token(&secret);
    service.types(&["recall", "the spare key"]).await;
    let said = service.is_refused(&["inbox"]).await;
    assert!(said.contains("actions:read"), "{said}");

    let listed = ada.types(&["delegations"]).await;
    assert!(
        listed.contains("calendar-sync  ends in 6 days\n        memories:read\n")
            && listed.contains(" of 2 uses, 0 turns"),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    let id = listed.split_whitespace().next().expect("an id").to_owned();
    let said = ada.types(&["delegations", "--revoke", &id]).await;
    assert!(said.contains("calendar-sync may act no more"), "{said}");
    let said = service.is_refused(&["recall", "the spare key"]).await;
    assert!(said.contains("the delegation is not valid"), "{said}");
}
