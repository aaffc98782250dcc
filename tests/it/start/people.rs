//! `hub people`, `hub consent` and `hub share`: whom the agent knows, what they allow, and what they give to the others.

use support::Program;

const PASSWORD: &str = "correct horse battery\n";

async fn types(program: &Program, arguments: &[&str]) -> String {
    let (is_well, said) = program.run_in(program.dir(), arguments, PASSWORD).await;
    assert!(is_well, "{arguments:?}: {said}");
    said
}

async fn is_refused(program: &Program, arguments: &[&str]) -> String {
    let (is_well, said) = program.run_in(program.dir(), arguments, PASSWORD).await;
    assert!(!is_well, "{arguments:?}: {said}");
    said
}

/// The hub runs, and Ada is signed in.
async fn begun() -> Program {
    let mut program = Program::new(&[]).await;
    program.start().await;
    let code = program.claim_code();
    let login = [
        "login",
        "--code",
        code.trim(),
        "--name",
        "ada",
        "--password-stdin",
    ];
    types(&program, &login).await;
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_made_known_named_merged_and_asked() {
    let hub = begun().await;
    let said = types(
        &hub,
        &["people", "--create", "Nora", "--relationship", "Ada's sister"],
    )
    .await;
    assert!(said.contains("Nora is known now."), "{said}");
    let said = types(&hub, &["people", "--alias", "nora=voice-7"]).await;
    assert!(said.contains("Nora is also called voice-7 now."), "{said}");
    let listed = types(&hub, &["people"]).await;
    assert!(listed.contains("Nora  Ada's sister · also voice-7"), "{listed}");
    assert!(listed.contains("ada  has a login"), "{listed}");
    types(&hub, &["people", "--rename", "voice-7=Nora Maria"]).await;
    types(&hub, &["people", "--unalias", "nora maria=VOICE-7"]).await;
    let listed = types(&hub, &["people"]).await;
    assert!(listed.contains("Nora Maria  Ada's sister\n"), "{listed}");
    let said = is_refused(&hub, &["people", "--unalias", "nora maria=voice-7"]).await;
    assert!(said.contains("Nora Maria is not also called voice-7"), "{said}");

    let grant = [
        "consent",
        "--for",
        "nora maria",
        "--grant",
        "voice",
        "--days",
        "30",
    ];
    let said = is_refused(&hub, &grant).await;
    assert!(said.contains("must say how they said so"), "{said}");
    let grant = [&grant[..], &["--evidence", "said so at dinner"]].concat();
    let said = types(&hub, &grant).await;
    assert!(said.contains("voice is allowed, for 29 d"), "{said}");
    let said = types(&hub, &["consent", "--for", "nora maria"]).await;
    assert!(said.contains("voice      allowed, for 29 d"), "{said}");
    assert!(said.contains("face       not allowed"), "{said}");
    assert!(
        said.contains("memory     allowed, as nobody said otherwise"),
        "{said}"
    );

    types(&hub, &["people", "--create", "voice-8"]).await;
    let merge = ["people", "--merge", "voice-8=nora maria"];
    let said = is_refused(&hub, &merge).await;
    assert!(said.contains("add --yes to do it"), "{said}");
    let shown = types(&hub, &[&merge[..], &["--curl"]].concat()).await;
    assert!(shown.contains("/merge") && shown.contains("\"into\""), "{shown}");
    let said = types(&hub, &[&merge[..], &["--yes"]].concat()).await;
    assert!(said.contains("voice-8 is Nora Maria now."), "{said}");
    assert!(
        said.contains("To be allowed anew") && said.contains("voice"),
        "{said}"
    );
    let listed = types(&hub, &["people"]).await;
    assert!(
        listed.contains("Nora Maria  Ada's sister · also voice-8"),
        "{listed}"
    );
    let said = types(&hub, &["consent", "--for", "voice-8", "--history"]).await;
    assert!(
        said.contains("voice  withdrawn") && said.contains("“said so at dinner”"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_allows_is_shown_granted_and_withdrawn() {
    let hub = begun().await;
    let said = types(&hub, &["consent", "--history"]).await;
    assert!(said.contains("Nothing was granted or withdrawn yet."), "{said}");
    let said = types(&hub, &["consent", "--withdraw", "memory"]).await;
    assert!(
        said.contains("nothing that is said is remembered from now on"),
        "{said}"
    );
    assert!(types(&hub, &["consent"]).await.contains("memory     not allowed"));
    let said = types(&hub, &["consent", "--grant", "recording"]).await;
    assert!(
        said.contains("recording is allowed, until it is withdrawn."),
        "{said}"
    );
    let id = said.trim().rsplit(' ').next().unwrap().to_owned();
    let said = types(&hub, &["consent", "--withdraw", &id]).await;
    assert!(said.contains("This grant of recording is withdrawn."), "{said}");
    assert!(types(&hub, &["consent"]).await.contains("recording  not allowed"));
    let said = is_refused(&hub, &["consent", "--grant", "everything"]).await;
    assert!(said.contains("must be one of voice, face"), "{said}");
    let said = is_refused(&hub, &["consent", "--for", "max"]).await;
    assert!(
        said.contains("nobody whom the agent knows is called max"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_is_shared_by_its_id() {
    let hub = begun().await;
    types(&hub, &["say", "remember that the spare key is under the mat"]).await;
    let found = types(&hub, &["recall", "spare key"]).await;
    assert!(found.contains("private"), "{found}");
    let id = found
        .lines()
        .nth(1)
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    let said = is_refused(&hub, &["share", &id]).await;
    assert!(said.contains("nobody is here to be asked"), "{said}");
    let said = types(&hub, &["share", &id, "--yes"]).await;
    assert!(said.contains("It is the household's now."), "{said}");
    let said = types(&hub, &["share", &id]).await;
    assert!(said.contains("It is the household's already."), "{said}");
}
