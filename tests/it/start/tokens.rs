//! `hub tokens`: a program of the house works with what its person gave it.

use support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_does_with_its_token_what_it_may_until_the_token_is_revoked() {
    let program = Program::claimed(&[]).await;
    let ada = program.shell();
    let create = [
        "tokens",
        "--create",
        "backup script",
        "--scope",
        "memories:read",
        "--days",
        "30",
    ];
    let said = ada.types(&create).await;
    assert!(said.contains("not shown again"), "{said}");
    let secret = said
        .lines()
        .find(|line| line.starts_with("hubt_"))
        .expect("the token")
        .to_owned();
    let listed = ada.types(&["tokens"]).await;
    assert!(
        listed.contains("backup script  ends in 29 days\n        memories:read"),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    let id = listed.split_whitespace().next().expect("an id").to_owned();

    let script = ada.with_token(&secret);
    script.types(&["recall", "the spare key"]).await;
    let said = script.is_refused(&["devices"]).await;
    assert!(said.contains("devices:read"), "{said}");
    let said = script.types(&["token"]).await;
    assert_eq!(said.trim(), secret);

    let said = ada.types(&["tokens", "--revoke", &id]).await;
    assert!(said.contains("backup script is revoked."), "{said}");
    let said = script.is_refused(&["recall", "the spare key"]).await;
    assert!(
        said.contains("the token is not valid, expired or revoked"),
        "{said}"
    );
    let said = ada.types(&["tokens"]).await;
    assert!(said.contains("There are no tokens."), "{said}");
}
