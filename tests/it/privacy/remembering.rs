//! Whose words may be remembered: everybody is asked whose words a turn read, and what they allowed is written down, of each.

use hub::{
    actions::propose::ActionProposal,
    ids::TurnId,
    memory::{Tier, commit::MemoryProposal},
    turns::{TurnState, runtime::Thought},
};
use serde_json::{Value, json};
use support::{Client, Rest, ScriptedRuntime, TestDevice, TestHub, heard, turn_of};

/// A household whose agent thinks what is written down, or by the offline rules.
struct House {
    hub: TestHub,
    runtime: ScriptedRuntime,
    owner: Client,
}

impl House {
    async fn scripted() -> Self {
        let runtime = ScriptedRuntime::default();
        let hub = TestHub::builder().runtime(runtime.clone()).start().await;
        Self::of(hub, runtime).await
    }

    async fn offline() -> Self {
        Self::of(TestHub::start().await, ScriptedRuntime::default()).await
    }

    async fn of(hub: TestHub, runtime: ScriptedRuntime) -> Self {
        let owner = Rest::of(&hub).user(&hub.owner("ada").await).await;
        Self { hub, runtime, owner }
    }

    /// Somebody without a login.
    async fn knows(&self, name: &str) -> String {
        let made = self.owner.post("people", json!({"name": name})).await;
        made.expect(201).text("/id").to_owned()
    }

    /// Somebody allows to remember what they say; the grant.
    async fn allows(&self, who: &str) -> String {
        let grant = json!({"purpose": "memory", "evidence": "said so"});
        let path = format!("people/{who}/consents");
        let grant = self.owner.post(&path, grant).await.expect(201);
        grant.text("/id").to_owned()
    }

    async fn withdraws(&self, who: &str) {
        let path = format!("people/{who}/consents/withdraw");
        let all = json!({"purpose": "memory"});
        let _ = self.owner.post(&path, all).await.expect(200);
    }

    /// A device hears several things at once, each from whom it says; nobody in particular: no name. The turn.
    async fn hears(&self, device: &TestDevice, said: &[(&str, &str)]) -> TurnId {
        let items = said.iter().map(|(who, text)| {
            let mut said = heard(text);
            if !who.is_empty() {
                said.payload["participant"] = json!(who);
            }
            said
        });
        let outcomes = device.sends(items.collect()).await.unwrap();
        turn_of(&outcomes[0])
    }

    /// The same in the kitchen, and the agent thinks about it.
    async fn talk(&self, said: &[(&str, &str)]) {
        let turn = self.hears(&self.hub.home.kitchen, said).await;
        self.hub.run_jobs().await;
        let state = self.hub.home.turn(turn).await.state;
        assert_eq!(
            state,
            TurnState::Planned,
            "the turn goes on, whatever is remembered"
        );
    }

    async fn memories(&self) -> Vec<String> {
        let memories = "select content from hub.memories order by id";
        self.hub.sql().values(memories).await
    }

    /// What the audit log says of the last turn.
    async fn told(&self) -> Value {
        let entry = "select body::jsonb -> 'details' from hub.audit_entries where operation = 'run_turn'
            order by agent_seq desc limit 1";
        self.hub.sql().value(entry).await
    }
}

/// A turn that wants to remember something.
fn remembers(content: &str, sources: &[usize]) -> Thought {
    Thought {
        memories: vec![MemoryProposal {
            tier: Tier::Episodic,
            content: content.to_owned(),
            importance: 0.5,
            confidence: 0.9,
            sources: sources.to_vec(),
        }],
        ..Thought::default()
    }
}

/// Nor by what the agent has told of it to somebody else.
#[tokio::test]
async fn what_the_agent_repeats_to_somebody_else_is_of_whose_words_it_was() {
    let house = House::scripted().await;
    let nora = house.knows("Nora").await;
    house.withdraws(&nora).await;
    house.runtime.then_say("I see");
    house.talk(&[("Nora", "I am pregnant")]).await;
    house.runtime.then_say("Nora is pregnant");
    house.talk(&[("", "what did she say")]).await;
    house.runtime.then(Thought::default());
    house.talk(&[("", "la la la"); 18]).await;
    house.runtime.then(remembers("A baby is coming", &[]));
    house.talk(&[("", "remember what you told me")]).await;
    let seen = house.runtime.seen();
    let recent = &seen.last().unwrap().recent;
    assert_eq!(
        recent[0].text, "Nora is pregnant",
        "her own words are out of sight"
    );
    assert_eq!(house.memories().await, [""; 0]);
}

/// Nor is it by way of the agent, who repeats it.
#[tokio::test]
async fn what_somebody_said_who_does_not_allow_it_is_not_remembered_because_somebody_else_says_so() {
    let house = House::scripted().await;
    let nora = house.knows("Nora").await;
    house.withdraws(&nora).await;
    house.runtime.then_say("Congratulations on the baby");
    house.talk(&[("Nora", "I am pregnant")]).await;
    house.runtime.then(remembers("Nora is pregnant", &[0]));
    house.talk(&[("", "remember what she just said")]).await;
    assert_eq!(house.memories().await, [""; 0]);
    assert_eq!(house.told().await["not_remembered"], json!(1));
    assert!(!house.runtime.seen().last().unwrap().may_remember);
    // Later only what the agent said of it is in sight.
    house.runtime.then(Thought::default());
    house.talk(&[("", "la la la"); 17]).await;
    house.runtime.then(remembers("A baby is coming", &[]));
    house.talk(&[("", "remember that")]).await;
    let seen = house.runtime.seen();
    let recent: Vec<&str> = seen
        .last()
        .unwrap()
        .recent
        .iter()
        .map(|said| said.text.as_str())
        .collect();
    assert_eq!((recent[0], recent.len()), ("Congratulations on the baby", 19));
    assert_eq!(house.memories().await, [""; 0]);
    // And then neither.
    house.runtime.then(remembers("Dinner is at seven", &[]));
    house
        .talk(&[("", "dinner is at seven"), ("", "not at eight")])
        .await;
    assert_eq!(house.memories().await, ["Dinner is at seven"]);
    // Nobody spoke of it in the office.
    house.runtime.then(remembers("The printer is broken", &[0]));
    let office = &house.hub.home.office;
    house.hears(office, &[("", "the printer is broken")]).await;
    house.hub.run_jobs().await;
    assert_eq!(house.memories().await.len(), 2);
}

/// A proposal holds somebody's words, and waits for a day.
#[tokio::test]
async fn what_somebody_wants_done_who_does_not_allow_it_is_told_only_where_they_said_so() {
    let house = House::scripted().await;
    let nora = house.knows("Nora").await;
    house.withdraws(&nora).await;
    let office = &house.hub.home.office;
    office.connects(&["speaker.say"]).await;
    let arguments =
        json!({"device_id": office.id, "kind": "speaker.say", "arguments": {"text": "A baby is coming"}});
    house.runtime.then(Thought {
        actions: vec![ActionProposal {
            tool: "device_command".to_owned(),
            summary: "Say that a baby is coming".to_owned(),
            arguments,
        }],
        ..Thought::default()
    });
    house
        .talk(&[("Nora", "tell the office that I am pregnant")])
        .await;
    house.runtime.then(remembers("The printer is broken", &[0]));
    house.hears(office, &[("", "the printer is broken")]).await;
    house.hub.run_jobs().await;
    let seen = house.runtime.seen().pop().unwrap();
    assert_eq!(
        (seen.waiting_actions.len(), &seen.waiting_actions[0].summary),
        (1, &None)
    );
    assert_eq!(house.memories().await, ["The printer is broken"]);
    // There it is told, also when her own words are out of sight; and then nothing is remembered.
    house.runtime.then(Thought::default());
    house.talk(&[("", "la la la"); 19]).await;
    house.runtime.then(remembers("A baby is coming", &[0]));
    house.talk(&[("", "remember what waits for us")]).await;
    let seen = house.runtime.seen().pop().unwrap();
    assert!(seen.recent.iter().all(|said| said.text == "la la la") && !seen.may_remember);
    assert!(seen.waiting_actions[0].summary.is_some());
    assert_eq!(house.memories().await, ["The printer is broken"]);
}

#[tokio::test]
async fn a_withdrawal_of_somebody_who_spoke_before_counts_while_the_agent_thinks() {
    let house = House::scripted().await;
    let nora = house.knows("Nora").await;
    house.runtime.then_say("Congratulations");
    house.talk(&[("Nora", "I am pregnant")]).await;
    let held = house.runtime.then_hold(remembers("Nora is pregnant", &[0]));
    let kitchen = &house.hub.home.kitchen;
    let turn = house.hears(kitchen, &[("", "remember what she just said")]).await;
    let changes_her_mind = async {
        held.begun().await;
        house.withdraws(&nora).await;
        held.go_on();
    };
    tokio::join!(house.hub.run_jobs(), changes_her_mind);
    assert_eq!(house.hub.home.turn(turn).await.state, TurnState::Planned);
    assert!(
        house.runtime.seen().last().unwrap().may_remember,
        "she had not said no yet"
    );
    assert_eq!(house.memories().await, [""; 0]);
}

/// The offline rules keep each thing word for word, so each is asked of whom it is.
#[tokio::test]
async fn of_what_several_say_at_once_each_thing_is_remembered_as_who_said_it_allows() {
    let house = House::offline().await;
    let (nora, otto) = (house.knows("Nora").await, house.knows("Otto").await);
    house.withdraws(&nora).await;
    let grant = house.allows(&otto).await;
    house
        .talk(&[
            ("Nora", "remember that the safe opens with 4711"),
            ("Otto", "remember that dinner is at seven"),
        ])
        .await;
    let memories = house.memories().await;
    assert_eq!(
        memories.len(),
        2,
        "what he said, and that he said it: {memories:?}"
    );
    assert!(memories.contains(&"Dinner is at seven".to_owned()));
    let candidates = house
        .hub
        .sql()
        .count("memory_candidates", "content like '%4711%'");
    assert_eq!(candidates.await, 0);
    let reply: String = house
        .hub
        .sql()
        .value("select payload ->> 'content' from hub.events where type = 'message.agent'")
        .await;
    assert!(reply.contains("you have not allowed it") && reply.contains("I will remember that dinner"));
    // What nobody in particular says right after her is theirs.
    house
        .talk(&[("", "remember that the bins go out on Monday")])
        .await;
    assert_eq!(house.memories().await.len(), 4);
    let by_his = format!("operation = 'run_turn' and body like '%{grant}%'");
    let used = house.hub.sql().count("audit_entries", &by_his).await;
    assert_eq!(used, 1, "of what was not his words it is not the grant");
}

#[tokio::test]
async fn what_was_remembered_of_several_goes_with_the_grant_of_any_of_them() {
    for first in [0, 1] {
        let house = House::scripted().await;
        let people = [house.knows("Nora").await, house.knows("Otto").await];
        let grants = [house.allows(&people[0]).await, house.allows(&people[1]).await];
        house.runtime.then(remembers("They meet on Monday", &[0]));
        house
            .talk(&[("Nora", "see you on Monday"), ("Otto", "on Monday then")])
            .await;
        assert_eq!(house.memories().await, ["They meet on Monday"]);
        let mut used = grants.to_vec();
        used.sort();
        assert_eq!(
            house.told().await["consent_ids"],
            json!(used),
            "all of them were used"
        );
        house.withdraws(&people[first]).await;
        assert_eq!(house.memories().await, [""; 0], "it was {first}'s words, too");
        assert_eq!(house.hub.sql().count("memory_candidates", "true").await, 0);
        assert_eq!(house.hub.sql().count("memory_consents", "true").await, 0);
        // Of what the other says alone nothing goes when the one withdraws.
        let other = ["Otto", "Nora"][first];
        let office = &house.hub.home.office;
        house.runtime.then(remembers("The printer is broken", &[0]));
        house.hears(office, &[(other, "the printer is broken")]).await;
        house.hub.run_jobs().await;
        house.withdraws(&people[first]).await;
        assert_eq!(house.memories().await, ["The printer is broken"]);
        house.withdraws(&people[1 - first]).await;
        assert_eq!(house.memories().await, [""; 0]);
    }
}

/// A hub of before wrote down one of them.
#[tokio::test]
async fn what_is_older_than_the_table_of_grants_goes_with_the_one_that_it_names() {
    let house = House::offline().await;
    let nora = house.knows("Nora").await;
    house.allows(&nora).await;
    house
        .talk(&[("Nora", "remember that the key is with Otto")])
        .await;
    assert_eq!(house.memories().await.len(), 2);
    let sql = house.hub.sql();
    sql.execute("delete from hub.memory_consents").await;
    house.withdraws(&nora).await;
    assert_eq!(house.memories().await, [""; 0]);
}
