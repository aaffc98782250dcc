//! `hub tokens`: a program of the house works with what its person gave it.

use support::Program;

async fn as_ada(program: &mut Program, arguments: &[&str]) -> (bool, String) {
    program.set("HUB_TOKEN", "");
    program.run(arguments).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_does_with_its_token_what_it_may_until_the_token_is_revoked() {
    let mut program = Program::new(&[]).await;
    program.start().await;
    let (code, dir) = (program.claim_code(), program.dir().to_owned());
    let login = [
        "login",
        "--code",
        code.trim(),
        "--name",
        "ada",
        "--password-stdin",
    ];
    let (is_well, said) = program.run_in(&dir, &login, "correct horse battery\n").await;
    assert!(is_well, "{said}");

    let create = [
        "tokens",
        "--create",
        "backup script",
        "--scope",
        "memories:read",
        "--days",
        "30",
    ];
    let (is_well, said) = as_ada(&mut program, &create).await;
    assert!(is_well && said.contains("not shown again"), "{said}");
    let secret = said
        .lines()
        .find(|line| line.starts_with("hubt_"))
        .expect("the token")
        .to_owned();
    let (is_well, listed) = as_ada(&mut program, &["tokens"]).await;
    assert!(
        is_well && listed.contains("backup script  ends in 29 days\n        memories:read"),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    let id = listed.split_whitespace().next().expect("an id").to_owned();

    program.set("HUB_TOKEN", &secret);
    let (is_well, said) = program.run(&["recall", "the spare key"]).await;
    assert!(is_well, "{said}");
    let (is_well, said) = program.run(&["devices"]).await;
    assert!(!is_well && said.contains("devices:read"), "{said}");
    let (is_well, said) = program.run(&["token"]).await;
    assert!(is_well && said.trim() == secret, "{said}");

    let (is_well, said) = as_ada(&mut program, &["tokens", "--revoke", &id]).await;
    assert!(is_well && said.contains("backup script is revoked."), "{said}");
    program.set("HUB_TOKEN", &secret);
    let (is_well, said) = program.run(&["recall", "the spare key"]).await;
    assert!(
        !is_well && said.contains("the token is not valid, expired or revoked"),
        "{said}"
    );
    let (is_well, said) = as_ada(&mut program, &["tokens"]).await;
    assert!(is_well && said.contains("There are no tokens."), "{said}");
}
