//! What people are called: by that their words are known as theirs, and so what they allow is asked of them.

use hub::identity::Role;
use serde_json::{Value, json};
use support::{Answer, Client, User};

use super::Story;

impl Story {
    async fn renames(&self, client: &Client, person: impl ToString, change: Value) -> Answer {
        let path = format!("people/{}", person.to_string());
        client.patch(&path, change).await
    }

    /// A program of somebody's.
    async fn program(&self, of: &Client) -> Client {
        let wish = json!({"name": "helper", "scopes": ["people:read", "people:write"]});
        let made = of.post("tokens", wish).await.expect(201);
        self.rest.bearer(made.text("/secret"))
    }

    /// Carol, who lives here, whom the kitchen knows by her voice, and who does not allow it to remember.
    async fn carol(&self) -> (User, Client) {
        let carol = self.hub.home.user("carol", Role::Member).await;
        let client = self.rest.user(&carol).await;
        let voice = json!({"aliases": ["voice-7"]});
        let _ = self.renames(&self.owner, carol.person, voice).await.expect(200);
        self.withdraws(&client, "people/self").await;
        (carol, client)
    }

    async fn withdraws(&self, client: &Client, whose: &str) {
        let path = format!("{whose}/consents/withdraw");
        let body = json!({"purpose": "memory"});
        let _ = client.post(&path, body).await.expect(200);
    }
}

#[tokio::test]
async fn no_program_renames_somebody_who_has_a_login() {
    let story = Story::new().await;
    for (client, nora) in [(&story.owner, "Nora"), (&story.admin, "Dora")] {
        let program = story.program(client).await;
        for person in [story.ada.person, story.bob.person] {
            for change in [
                json!({"name": "Mallory"}),
                json!({"aliases": ["voice-9"]}),
                json!({"name": "Mallory", "relationship": "a friend"}),
            ] {
                let refused = story.renames(&program, person, change).await;
                let _ = refused.refuses(403, "forbidden");
            }
            // What they are to the household is no name, and nor is what they are called already.
            let same = json!({"aliases": [], "relationship": "lives here"});
            let _ = story.renames(&program, person, same).await.expect(200);
        }
        // Whoever has no login is known by whom programs may know.
        let nora = story.knows(nora, &[]).await;
        let _ = story
            .renames(&program, &nora, json!({"aliases": ["the one who hums"]}))
            .await
            .expect(200);
        let _ = story
            .renames(&program, &nora, json!({"aliases": []}))
            .await
            .expect(200);
    }
    // They themselves, signed in, and whoever runs the household.
    let robert = json!({"name": "Robert", "aliases": ["voice-3"]});
    let _ = story
        .renames(&story.admin, story.bob.person, robert)
        .await
        .expect(200);
    let adelaide = json!({"name": "Adelaide"});
    let _ = story
        .renames(&story.admin, story.ada.person, adelaide)
        .await
        .expect(200);
    // How many names came and went is in the audit log, and none of them.
    let told = story.entries("update_person").await;
    let of_bob = |entry: &&Value| entry["details"]["added_names"] == 2;
    let entry = told.iter().find(of_bob).expect("it is told").clone();
    assert_eq!(entry["details"]["removed_names"], 1, "{entry}");
    assert!(!json!(told).to_string().contains("voice-3"));
}

#[tokio::test]
async fn the_names_of_somebody_who_took_something_back_go_by_their_word_or_the_owners() {
    let story = Story::new().await;
    let (carol, _client) = story.carol().await;
    let nora = story.knows("Nora", &[]).await;
    // By an admin neither taken away, nor given to somebody else.
    for change in [json!({"aliases": []}), json!({"name": "Karola"})] {
        let refused = story.renames(&story.admin, carol.person, change).await;
        let _ = refused.refuses(409, "needs_their_word");
    }
    let moved = json!({"aliases": ["Voice-7 "]});
    let refused = story.renames(&story.admin, &nora, moved.clone()).await;
    let _ = refused.refuses(409, "name_taken");
    // One more is added by whoever runs the household: it takes nobody's word away.
    let more = json!({"aliases": ["voice-7", "voice-8"]});
    let _ = story.renames(&story.admin, carol.person, more).await.expect(200);
    // What the household got wrong the owner mends, in two steps that stand in the audit log.
    let program = story.program(&story.owner).await;
    let less = json!({"aliases": ["voice-8"]});
    let refused = story.renames(&program, carol.person, less.clone()).await;
    let _ = refused.refuses(403, "forbidden");
    let _ = story.renames(&story.owner, carol.person, less).await.expect(200);
    let _ = story.renames(&story.owner, &nora, moved).await.expect(200);
    assert_eq!(story.hears("voice-7", "hello").await, json!(nora));
}

/// Somebody without a login, who said at dinner that nothing is to be remembered of them.
#[tokio::test]
async fn of_somebody_without_a_login_it_is_the_owner_who_takes_names_away_then() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &["voice-7"]).await;
    story.withdraws(&story.admin, &format!("people/{nora}")).await;
    let none = json!({"aliases": []});
    let program = story.program(&story.owner).await;
    for client in [&story.admin, &program] {
        let refused = story.renames(client, &nora, none.clone()).await;
        let _ = refused.refuses(409, "needs_their_word");
    }
    let _ = story.renames(&story.owner, &nora, none).await.expect(200);
}

#[tokio::test]
async fn what_one_is_called_nobody_else_is_called() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &["voice-7"]).await;
    let otto = story.knows("Otto", &[]).await;
    for new in [
        json!({"name": "Voice-7"}),
        json!({"name": "Vera", "aliases": ["voice-7"]}),
        json!({"name": "Vera", "aliases": ["nora"]}),
        // Then her words would be nobody's, and what she has taken back not be asked.
        json!({"name": "nora"}),
    ] {
        let refused = story.owner.post("people", new).await;
        let told = refused.refuses(409, "name_taken");
        assert!(!told.told().contains(&nora), "{}", told.told());
    }
    for change in [json!({"name": "VOICE-7"}), json!({"aliases": ["nora"]})] {
        let refused = story.renames(&story.owner, &otto, change).await;
        let _ = refused.refuses(409, "name_taken");
    }
    assert_eq!(story.hears("voice-7", "hello").await, json!(nora));
    // Once it is nobody's, it is free.
    let none = json!({"aliases": []});
    let _ = story.renames(&story.owner, &nora, none).await.expect(200);
    let taken = json!({"aliases": ["voice-7"]});
    let _ = story.renames(&story.owner, &otto, taken).await.expect(200);
    assert_eq!(story.hears("voice-7", "hello").await, json!(otto));
}
