//! Two people who turn out to be one are known by neither's prints: each allowed it as who they were.

use serde_json::{Value, json};
use support::voice;

use super::House;

#[tokio::test]
async fn who_turns_out_to_be_somebody_else_is_not_known_any_more() {
    let house = House::new().await;
    let nora = house.knows("Nora", &voice(2)).await;
    let other = house.knows("voice-7", &voice(3)).await;
    for (number, sees) in [(2, "suggested"), (3, "suggested")] {
        let seen = house.hears(&voice(number)).await;
        assert_eq!(seen.text("/outcome"), sees);
        let id = seen.text("/hypothesis_id");
        let _ = house.decides(&house.owner, id, "confirm").await.expect(200);
    }
    assert_eq!(house.present().await.len(), 2);
    let merge = json!({"into": nora});
    let merged = house
        .owner
        .post(&format!("people/{other}/merge"), merge)
        .await
        .expect(200);
    assert_eq!(merged.json["ended_consents"], json!(["voice"]));
    assert_eq!(house.rows().await, 0);
    assert_eq!(house.present().await, Vec::<Value>::new());
    for number in [2, 3] {
        let seen = house.hears(&voice(number)).await;
        assert_eq!(seen.text("/outcome"), "unknown");
    }
    // It has to be off the disk, too, and there is a receipt for each.
    let erasures = house.owner.get("erasures").await.expect(200);
    let counts: Vec<_> = erasures
        .items()
        .iter()
        .map(|one| {
            (
                &one["target_kind"],
                &one["counts"]["prints"],
                &one["counts"]["sightings"],
            )
        })
        .collect();
    let one = (&json!("consent"), &json!(1), &json!(3));
    assert_eq!(counts, [one, one]);
    let sql = "select body::jsonb #>> '{details,erased_prints}' from hub.audit_entries
      where operation in ('forget_recognised', 'withdraw_consent') order by operation";
    assert_eq!(house.hub.sql().values::<String>(sql).await, ["1", "1"]);
    // Allowed anew, as who they are now.
    let grant = json!({"purpose": "voice", "evidence": "said so"});
    let _ = house
        .owner
        .post(&format!("people/{nora}/consents"), grant)
        .await
        .expect(201);
    let print = super::print(&voice(3), house.kitchen);
    let _ = house
        .owner
        .post(&format!("people/{nora}/prints"), print)
        .await
        .expect(201);
    assert_eq!(house.hears(&voice(3)).await.text("/outcome"), "suggested");
}

/// Their own word ends what they allowed; what the other had said is not theirs.
#[tokio::test]
async fn what_was_remembered_by_a_grant_that_a_merge_ends_is_forgotten() {
    let house = House::new().await;
    let ada = house.ada.person;
    let other = house
        .owner
        .post("people", json!({"name": "voice-7"}))
        .await
        .expect(201);
    let path = format!("people/{}", other.text("/id"));
    let withdrawal = json!({"purpose": "memory"});
    let withdraw = format!("{path}/consents/withdraw");
    let _ = house.owner.post(&withdraw, withdrawal.clone()).await.expect(200);
    let _ = super::withdraw(&house.owner, withdrawal).await;
    super::allow(&house.owner, "memory").await;
    let said = json!({"content": [{"type": "text", "text": "remember that the key is under the mat"}]});
    let _ = house.owner.post("messages", said).await.expect(202);
    house.hub.run_jobs().await;
    assert!(!house.owner.get("memories").await.expect(200).items().is_empty());
    let merge = json!({"into": ada});
    let merged = house
        .owner
        .post(&format!("{path}/merge"), merge)
        .await
        .expect(200);
    assert_eq!(merged.json["ended_consents"], json!(["memory"]));
    assert_eq!(
        house.owner.get("memories").await.expect(200).items(),
        [] as [Value; 0]
    );
}
