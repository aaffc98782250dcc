use std::{fs, os::unix::fs::PermissionsExt};

use secrecy::ExposeSecret;
use serde_json::Value;

use super::{
    Call, Failure, Options, SignInFileError,
    testing::{Folder, Small, beside_a_hub},
};
use crate::config::DataDir;

fn me() -> Call {
    Call::get("/v1/me")
}

#[tokio::test]
async fn the_file_can_be_read_by_its_owner_only_and_is_refused_otherwise() {
    let folder = Folder::new();
    folder.sign_in(&super::BaseUrl::default(), 0, 900).await;
    assert_eq!(
        (folder.mode("login.json"), folder.mode("login.lock")),
        (0o600, 0o600)
    );
    let stored = folder.file().read().unwrap().unwrap();
    assert_eq!(stored.refresh_token.expose_secret(), "refresh-0");
    assert!(!format!("{stored:?}").contains("refresh-0"));
    fs::set_permissions(folder.path("login.json"), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = folder.file().read().unwrap_err();
    assert!(matches!(refused, SignInFileError::Exposed { mode: 0o640, .. }));
}

#[tokio::test]
async fn a_file_that_holds_something_else_is_named_without_its_content() {
    let folder = Folder::new();
    folder.sign_in(&super::BaseUrl::default(), 0, 900).await;
    let text = fs::read_to_string(folder.path("login.json")).unwrap();
    fs::write(folder.path("login.json"), text.replace("expires_at", "expired")).unwrap();
    let problem = folder.file().read().unwrap_err().to_string();
    assert!(
        problem.contains("hub login") && !problem.contains("access-0"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_replaced_file_keeps_its_mode_whatever_was_left_behind() {
    let folder = Folder::new();
    fs::write(folder.path("login.json.new"), "left behind").unwrap();
    folder.sign_in(&super::BaseUrl::default(), 1, 900).await;
    assert_eq!(folder.mode("login.json"), 0o600);
    assert!(!folder.path("login.json.new").exists());
}

#[tokio::test]
async fn the_folder_is_made_for_who_signs_in_from_another_machine() {
    let folder = Folder::new();
    let file = super::SignInFile::of(&DataDir(folder.path("new/.hub")));
    assert!(file.read().unwrap().is_none());
    file.lock().await.unwrap().remove().unwrap();
    assert_eq!(folder.mode("new/.hub"), 0o700);
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_renewed_before_it_is_used() {
    beside_a_hub(Small::default(), async |small, url| {
        let folder = Folder::new();
        folder.sign_in(&url, 0, 10).await;
        let (hub, ..) = folder.remote(&Options::default());
        hub.client.call(&me()).await.unwrap();
        let asked: Vec<String> = small
            .lock()
            .unwrap()
            .asked
            .iter()
            .map(|(what, _)| what.clone())
            .collect();
        assert_eq!(asked, ["POST /v1/sign-in/refresh", "GET /v1/me"]);
        let stored = folder.file().read().unwrap().unwrap();
        assert_eq!(stored.refresh_token.expose_secret(), "refresh-1");
        assert_eq!(folder.mode("login.json"), 0o600);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_the_hub_no_longer_takes_is_renewed_and_the_request_repeated() {
    let small = Small {
        refreshes: 3,
        ..Small::default()
    };
    beside_a_hub(small, async |small, url| {
        let folder = Folder::new();
        folder.sign_in(&url, 3, 900).await;
        // As if it had been revoked, or this machine's clock were wrong.
        let text = fs::read_to_string(folder.path("login.json")).unwrap();
        fs::write(folder.path("login.json"), text.replace("access-3", "access-old")).unwrap();
        let (hub, ..) = folder.remote(&Options::default());
        let answer = hub.client.call(&me()).await.unwrap();
        assert_eq!(answer["name"], "ada");
        assert_eq!(small.lock().unwrap().refreshes, 4);
    })
    .await;
}

#[tokio::test]
async fn commands_at_once_use_each_refresh_token_once() {
    beside_a_hub(Small::default(), async |small, url| {
        let folder = Folder::new();
        folder.sign_in(&url, 0, 0).await;
        let ask = async || {
            let (hub, ..) = folder.remote(&Options::default());
            hub.client.call(&me()).await.unwrap()
        };
        tokio::join!(ask(), ask(), ask(), ask());
        let small = small.lock().unwrap();
        assert_eq!((small.refreshes, small.is_ended), (1, false));
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_that_has_ended_says_so_and_does_not_go_on_trying() {
    let small = Small {
        is_ended: true,
        ..Small::default()
    };
    beside_a_hub(small, async |small, url| {
        let folder = Folder::new();
        folder.sign_in(&url, 0, 900).await;
        let (hub, ..) = folder.remote(&Options::default());
        let failure = hub.client.call(&me()).await.unwrap_err();
        assert!(matches!(&failure, Failure::SignInEnded { name } if name == "ada"));
        assert_eq!(small.lock().unwrap().asked.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn tokens_are_sent_to_no_other_hub() {
    beside_a_hub(Small::default(), async |small, url| {
        let folder = Folder::new();
        folder.sign_in(&super::BaseUrl::default(), 0, 0).await;
        let mut options = Options::default();
        options.address.url = Some(url);
        let (hub, ..) = folder.remote(&options);
        assert!(matches!(
            hub.client.call(&me()).await,
            Err(Failure::OtherHub { .. })
        ));
        assert!(small.lock().unwrap().asked.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_to_people_in_words_and_to_programs_whole() {
    beside_a_hub(Small::default(), async |_, url| {
        let folder = Folder::new();
        folder.sign_in(&url, 0, 900).await;
        let wrong = Call::get("/v1/nothing");
        let (hub, out, err) = folder.remote(&Options::default());
        let done = hub
            .client
            .call(&wrong)
            .await
            .map(|_| std::process::ExitCode::SUCCESS);
        let code = hub.finish("try", done);
        assert_eq!(
            format!("{code:?}"),
            format!("{:?}", std::process::ExitCode::from(1))
        );
        assert_eq!(out.text(), "");
        assert_eq!(
            err.text(),
            "hub try: there is no such page\n  404 Refused\n  request id: r-42\n"
        );

        let (hub, out, err) = folder.remote(&Options {
            json: true,
            ..Options::default()
        });
        let done = hub
            .client
            .call(&wrong)
            .await
            .map(|_| std::process::ExitCode::SUCCESS);
        let _ = hub.finish("try", done);
        assert_eq!(
            serde_json::from_str::<Value>(&out.text()).unwrap()["code"],
            "not_found"
        );
        assert_eq!(err.text(), "");
    })
    .await;
}

#[tokio::test]
async fn what_is_done_is_said_to_people_only_and_what_is_shown_is_not_asked() {
    beside_a_hub(Small::default(), async |small, url| {
        let folder = Folder::new();
        folder.sign_in(&url, 0, 900).await;
        let (json, curl) = (true, true);
        let plain = Options::default();
        for (options, is_asked, shown) in [
            (plain.clone(), true, "Done.\n"),
            // The hub answers nothing, and that is no JSON.
            (
                Options {
                    json,
                    ..plain.clone()
                },
                true,
                "",
            ),
            (
                Options {
                    curl,
                    ..plain.clone()
                },
                false,
                "curl -sS -X POST http",
            ),
        ] {
            small.lock().unwrap().asked.clear();
            let (mut hub, out, _) = folder.remote(&options);
            hub.send(&Call::bare_post("/v1/sign-out"), "Done.").await.unwrap();
            assert!(out.text().starts_with(shown) && out.text().is_empty() == shown.is_empty());
            assert_eq!(!small.lock().unwrap().asked.is_empty(), is_asked);
        }
    })
    .await;
}

#[tokio::test]
async fn where_nobody_listens_the_person_is_told_to_start_the_hub() {
    let folder = Folder::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    folder.sign_in(&url.parse().unwrap(), 0, 900).await;
    let (hub, _, err) = folder.remote(&Options::default());
    let done = hub
        .client
        .call(&me())
        .await
        .map(|_| std::process::ExitCode::SUCCESS);
    let code = hub.finish("say", done);
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", std::process::ExitCode::from(2))
    );
    assert_eq!(
        err.text(),
        format!(
            "hub say: cannot reach the hub at {url}: Connection refused (os error 111)\n  is the hub running? start it with: scripts/run\n"
        )
    );
}
