//! `hub delegations`: a service acts for the agent with what the owner let it.

use support::Program;

async fn as_ada(program: &mut Program, arguments: &[&str]) -> (bool, String) {
    program.set("HUB_TOKEN", "");
    program.run(arguments).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_acts_as_far_as_it_was_let_until_it_is_stopped() {
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
    let (is_well, said) = as_ada(&mut program, &["delegations"]).await;
    assert!(is_well && said.contains("Nobody acts for the agent."), "{said}");

    let wish = [
        "delegations",
        "--to-service",
        "calendar-sync",
        "--scope",
        "memories:read",
    ];
    let curl = [&wish[..], &["--curl"]].concat();
    let (is_well, shown) = as_ada(&mut program, &curl).await;
    assert!(
        is_well && shown.contains("/v1/agents/self/delegations"),
        "{shown}"
    );
    let create = [&wish[..], &["--days", "7", "--uses", "2"]].concat();
    let (is_well, said) = as_ada(&mut program, &create).await;
    assert!(
        is_well && said.contains("not shown again") && said.contains("Authorization: Bearer"),
        "{said}"
    );
    let secret = said
        .lines()
        .find(|line| line.starts_with("hubg_"))
        .expect("the secret")
        .to_owned();

    program.set("HUB_TOKEN", &secret);
    let (is_well, said) = program.run(&["recall", "the spare key"]).await;
    assert!(is_well, "{said}");
    let (is_well, said) = program.run(&["inbox"]).await;
    assert!(!is_well && said.contains("actions:read"), "{said}");

    let (is_well, listed) = as_ada(&mut program, &["delegations"]).await;
    assert!(
        is_well
            && listed.contains("calendar-sync  ends in 6 days\n        memories:read\n")
            && listed.contains(" of 2 uses, 0 turns"),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    let id = listed.split_whitespace().next().expect("an id").to_owned();
    let (is_well, said) = as_ada(&mut program, &["delegations", "--revoke", &id]).await;
    assert!(
        is_well && said.contains("calendar-sync may act no more"),
        "{said}"
    );
    program.set("HUB_TOKEN", &secret);
    let (is_well, said) = program.run(&["recall", "the spare key"]).await;
    assert!(!is_well && said.contains("the delegation is not valid"), "{said}");
}
