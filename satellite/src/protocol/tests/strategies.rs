//! Any frame that a side could send.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::protocol::*;

pub(super) fn satellite_frames() -> impl Strategy<Value = SatelliteFrame> {
    let option = proptest::option::of::<BoxedStrategy<String>>;
    prop_oneof![
        hellos().prop_map(SatelliteFrame::Hello),
        new_events().prop_map(SatelliteFrame::Event),
        prop::collection::vec(new_events(), 1..4).prop_map(|events| SatelliteFrame::Events(events.into())),
        ids().prop_map(|command_id| SatelliteFrame::CommandAck(CommandAck { command_id })),
        (ids(), any::<Option<u8>>(), option(texts())).prop_map(|(command_id, percent, note)| {
            SatelliteFrame::CommandProgress(CommandProgress {
                command_id,
                percent,
                note,
            })
        }),
        results().prop_map(SatelliteFrame::CommandResult),
        reports().prop_map(SatelliteFrame::Report),
        Just(SatelliteFrame::Renew(Renew {})),
        option(texts()).prop_map(|nonce| SatelliteFrame::Ping(Ping { nonce })),
        subscribes().prop_map(SatelliteFrame::Subscribe),
        client_ids().prop_map(|subscription| SatelliteFrame::Unsubscribe(Unsubscribe { subscription })),
    ]
}

pub(super) fn hub_frames() -> impl Strategy<Value = HubFrame> {
    prop_oneof![
        welcomes().prop_map(HubFrame::Welcome),
        (client_ids(), ids(), any::<i64>()).prop_map(|(client_id, event_id, position)| {
            HubFrame::Accepted(Accepted::Event {
                client_id,
                event_id,
                position,
            })
        }),
        (ids(), stages())
            .prop_map(|(command_id, of)| HubFrame::Accepted(Accepted::Command { command_id, of })),
        (client_ids(), ids())
            .prop_map(|(client_id, event_id)| HubFrame::Duplicate(Duplicate { client_id, event_id })),
        (subjects(), texts(), field_errors()).prop_map(|(subject, detail, errors)| {
            HubFrame::Rejected(Rejected {
                subject,
                code: ErrorCode::Invalid,
                detail,
                errors,
            })
        }),
        (client_ids(), any::<i64>())
            .prop_map(|(report_id, version)| HubFrame::Accepted(Accepted::Report { report_id, version })),
        (subjects(), any::<bool>()).prop_map(|(subject, of_a_session)| {
            HubFrame::Discarded(Discarded {
                subject,
                reason: if of_a_session {
                    DiscardReason::NoRecording
                } else {
                    DiscardReason::PrivacyMode
                },
            })
        }),
        (any::<i64>(), objects()).prop_map(|(version, delta)| HubFrame::Desired(Desired { version, delta })),
        commands().prop_map(HubFrame::Command),
        ids().prop_map(|command_id| HubFrame::CommandCancel(CommandCancel { command_id })),
        (client_ids(), texts(), any::<bool>()).prop_map(|(subscription, cursor, resumed)| {
            HubFrame::Subscribed(Subscribed {
                subscription,
                cursor,
                resumed,
            })
        }),
        client_ids().prop_map(|subscription| HubFrame::Unsubscribed(Unsubscribed { subscription })),
        (client_ids(), texts(), texts(), values()).prop_map(|(subscription, topic, cursor, body)| {
            HubFrame::Event(TopicEvent {
                subscription,
                topic,
                cursor,
                body,
            })
        }),
        (texts(), times()).prop_map(|(token, previous_ends_at)| {
            HubFrame::Renewed(Renewed {
                token: BearerToken::from(token),
                previous_ends_at,
            })
        }),
        (texts(), field_errors()).prop_map(|(detail, errors)| {
            HubFrame::Error(ErrorNotice {
                code: ErrorCode::Busy,
                detail,
                errors,
            })
        }),
        (texts(), any::<Option<u64>>()).prop_map(|(reason, reconnect_after_ms)| {
            HubFrame::Goodbye(Goodbye {
                reason,
                reconnect_after_ms,
            })
        }),
        proptest::option::of(texts()).prop_map(|nonce| HubFrame::Pong(Pong { nonce })),
    ]
}

fn hellos() -> impl Strategy<Value = Hello> {
    let capability =
        (texts(), proptest::option::of(objects())).prop_map(|(kind, arguments_schema)| Capability {
            kind,
            arguments_schema,
        });
    let optional = proptest::option::of(texts());
    (
        optional.clone(),
        prop::collection::vec(capability, 0..3),
        texts(),
        optional,
    )
        .prop_map(|(token, capabilities, name, resume)| Hello {
            token: token.map(BearerToken::from),
            capabilities,
            software: Software {
                name,
                version: "1".into(),
            },
            resume,
        })
}

fn welcomes() -> impl Strategy<Value = Welcome> {
    let open = (ids(), texts(), any::<i64>()).prop_map(|(command_id, kind, seq)| OpenCommand {
        command_id,
        kind,
        seq,
    });
    (
        ids(),
        ids(),
        texts(),
        any::<u32>(),
        any::<bool>(),
        prop::collection::vec(open, 0..3),
        prop::collection::vec(texts(), 0..3),
    )
        .prop_map(
            |(
                device_id,
                agent_id,
                device_name,
                heartbeat_s,
                resumed,
                open_commands,
                waiting_capabilities,
            )| Welcome {
                device_id,
                agent_id,
                device_name,
                limits: Limits::default(),
                heartbeat_s,
                resumed,
                open_commands,
                waiting_capabilities,
            },
        )
}

fn commands() -> impl Strategy<Value = Command> {
    (ids(), any::<i64>(), texts(), objects(), times(), any::<u32>()).prop_map(
        |(command_id, seq, kind, arguments, deadline_at, attempt)| Command {
            command_id,
            seq,
            kind,
            arguments,
            deadline_at,
            attempt,
        },
    )
}

fn new_events() -> impl Strategy<Value = NewEvent> {
    (client_ids(), texts(), objects(), proptest::option::of(times())).prop_map(
        |(client_id, event_type, payload, occurred_at)| NewEvent {
            client_id,
            event_type,
            payload,
            occurred_at,
        },
    )
}

fn results() -> impl Strategy<Value = CommandResult> {
    let status = prop_oneof![
        Just(CommandStatus::Ok),
        Just(CommandStatus::Error),
        Just(CommandStatus::Unsupported),
        Just(CommandStatus::Cancelled),
        Just(CommandStatus::Unknown),
    ];
    let error = (texts(), texts()).prop_map(|(code, message)| CommandError { code, message });
    // `"result": null` and no result are the same thing on the wire.
    let result = proptest::option::of(values().prop_filter("null is absence", |value| !value.is_null()));
    (ids(), status, result, proptest::option::of(error)).prop_map(|(command_id, status, result, error)| {
        CommandResult {
            command_id,
            status,
            result,
            error,
        }
    })
}

fn reports() -> impl Strategy<Value = Report> {
    let reached = proptest::option::of(any::<i64>());
    (client_ids(), objects(), any::<bool>(), reached).prop_map(|(report_id, state, whole, reached)| Report {
        report_id,
        state,
        whole,
        reached,
    })
}

fn subscribes() -> impl Strategy<Value = Subscribe> {
    let topics = prop::collection::vec(texts(), 0..3);
    let (agent, cursor) = (proptest::option::of(ids()), proptest::option::of(texts()));
    (client_ids(), agent, topics, cursor).prop_map(|(subscription, agent_id, topics, cursor)| Subscribe {
        subscription,
        agent_id,
        topics,
        cursor,
    })
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        client_ids().prop_map(|client_id| Subject::Event { client_id }),
        (ids(), stages()).prop_map(|(command_id, of)| Subject::Command { command_id, of }),
        client_ids().prop_map(|subscription| Subject::Subscription { subscription }),
        client_ids().prop_map(|report_id| Subject::Report { report_id }),
    ]
}

fn field_errors() -> impl Strategy<Value = Vec<FieldError>> {
    let error = (texts(), texts()).prop_map(|(pointer, detail)| FieldError { pointer, detail });
    prop::collection::vec(error, 0..3)
}

fn stages() -> impl Strategy<Value = CommandStage> {
    prop_oneof![
        Just(CommandStage::Ack),
        Just(CommandStage::Progress),
        Just(CommandStage::Result)
    ]
}

fn ids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(super) fn client_ids() -> impl Strategy<Value = ClientId> {
    prop::collection::vec(b'!'..=b'~', 1..=ClientId::MAX_BYTES)
        .prop_map(|bytes| ClientId::try_from(String::from_utf8(bytes).unwrap()).unwrap())
}

fn times() -> impl Strategy<Value = DateTime<Utc>> {
    (0..4_000_000_000_i64, 0..1_000_000_000_u32).prop_map(|(s, ns)| DateTime::from_timestamp(s, ns).unwrap())
}

fn texts() -> BoxedStrategy<String> {
    any::<String>().boxed()
}

fn objects() -> impl Strategy<Value = JsonObject> {
    prop::collection::btree_map(any::<String>(), values(), 0..4).prop_map(|map| map.into_iter().collect())
}

pub(super) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
