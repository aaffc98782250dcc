//! `hub people`, `hub consent` and `hub share`: whom the agent knows, what they allow, and what they give to the others.

use support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_made_known_named_merged_and_asked() {
    let hub = Program::claimed(&[]).await;
    let ada = hub.shell();
    let said = ada
        .types(&["people", "--create", "Nora", "--relationship", "Ada's sister"])
        .await;
    assert!(said.contains("Nora is known now."), "{said}");
    let said = ada.types(&["people", "--alias", "nora=voice-7"]).await;
    assert!(said.contains("Nora is also called voice-7 now."), "{said}");
    let listed = ada.types(&["people"]).await;
    assert!(listed.contains("Nora  Ada's sister · also voice-7"), "{listed}");
    assert!(listed.contains("ada  has a login"), "{listed}");
    ada.types(&["people", "--rename", "voice-7=Nora Maria"]).await;
    ada.types(&["people", "--unalias", "nora maria=VOICE-7"]).await;
    let listed = ada.types(&["people"]).await;
    assert!(listed.contains("Nora Maria  Ada's sister\n"), "{listed}");
    let said = ada
        .is_refused(&["people", "--unalias", "nora maria=voice-7"])
        .await;
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
    let said = ada.is_refused(&grant).await;
    assert!(said.contains("must say how they said so"), "{said}");
    let grant = [&grant[..], &["--evidence", "said so at dinner"]].concat();
    let said = ada.types(&grant).await;
    assert!(said.contains("voice is allowed, for 29 d"), "{said}");
    let said = ada.types(&["consent", "--for", "nora maria"]).await;
    assert!(said.contains("voice      allowed, for 29 d"), "{said}");
    assert!(said.contains("face       not allowed"), "{said}");
    assert!(
        said.contains("memory     allowed, as nobody said otherwise"),
        "{said}"
    );

    ada.types(&["people", "--create", "voice-8"]).await;
    let merge = ["people", "--merge", "voice-8=nora maria"];
    let said = ada.is_refused(&merge).await;
    assert!(said.contains("add --yes to do it"), "{said}");
    let shown = ada.types(&[&merge[..], &["--curl"]].concat()).await;
    assert!(shown.contains("/merge") && shown.contains("\"into\""), "{shown}");
    let said = ada.types(&[&merge[..], &["--yes"]].concat()).await;
    assert!(said.contains("voice-8 is Nora Maria now."), "{said}");
    assert!(
        said.contains("To be allowed anew") && said.contains("voice"),
        "{said}"
    );
    let listed = ada.types(&["people"]).await;
    assert!(
        listed.contains("Nora Maria  Ada's sister · also voice-8"),
        "{listed}"
    );
    let said = ada.types(&["consent", "--for", "voice-8", "--history"]).await;
    assert!(
        said.contains("voice  withdrawn") && said.contains("“said so at dinner”"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_allows_is_shown_granted_and_withdrawn() {
    let hub = Program::claimed(&[]).await;
    let ada = hub.shell();
    let said = ada.types(&["consent", "--history"]).await;
    assert!(said.contains("Nothing was granted or withdrawn yet."), "{said}");
    let said = ada.types(&["consent", "--withdraw", "memory"]).await;
    assert!(
        said.contains("nothing that is said is remembered from now on"),
        "{said}"
    );
    assert!(ada.types(&["consent"]).await.contains("memory     not allowed"));
    let said = ada.types(&["consent", "--grant", "recording"]).await;
    assert!(
        said.contains("recording is allowed, until it is withdrawn."),
        "{said}"
    );
    let id = said.trim().rsplit(' ').next().unwrap().to_owned();
    let said = ada.types(&["consent", "--withdraw", &id]).await;
    assert!(said.contains("This grant of recording is withdrawn."), "{said}");
    assert!(ada.types(&["consent"]).await.contains("recording  not allowed"));
    let said = ada.is_refused(&["consent", "--grant", "everything"]).await;
    assert!(said.contains("must be one of voice, face"), "{said}");
    let said = ada.is_refused(&["consent", "--for", "max"]).await;
    assert!(
        said.contains("nobody whom the agent knows is called max"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_is_shared_by_its_id() {
    let hub = Program::claimed(&[]).await;
    let ada = hub.shell();
    ada.types(&["say", "remember that the spare key is under the mat"])
        .await;
    let found = ada.types(&["recall", "spare key"]).await;
    assert!(found.contains("private"), "{found}");
    let id = found
        .lines()
        .nth(1)
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    let said = ada.is_refused(&["share", &id]).await;
    assert!(said.contains("nobody is here to be asked"), "{said}");
    let said = ada.types(&["share", &id, "--yes"]).await;
    assert!(said.contains("It is the household's now."), "{said}");
    let said = ada.types(&["share", &id]).await;
    assert!(said.contains("It is the household's already."), "{said}");
}
