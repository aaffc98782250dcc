//! Every metric, named once. Labels hold words of ours only, never a name, an id or a text.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Histogram bounds in seconds: from a quick query to the longest request.
pub const SECONDS_BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Requests answered, by operation and status.
pub const HTTP_REQUESTS: &str = "hub_http_requests_total";
/// How long requests took.
pub const HTTP_SECONDS: &str = "hub_http_request_seconds";
/// Open connections on this node, without the sockets of satellites.
pub const CONNECTIONS: &str = "hub_http_connections";
/// Connections closed at once because all were taken.
pub const CONNECTIONS_REFUSED: &str = "hub_http_connections_refused_total";
/// Tries to sign in, refresh or claim that got nowhere, by outcome: failed or throttled.
pub const TRIES_FAILED: &str = "hub_sign_in_tries_failed_total";
/// Events appended, by what became of them.
pub const EVENTS: &str = "hub_events_total";
/// Jobs ended, by kind and outcome.
pub const JOBS: &str = "hub_jobs_total";
/// How long jobs ran, by kind.
pub const JOB_SECONDS: &str = "hub_job_seconds";
/// How long the oldest job that could run has been waiting for a worker.
pub const JOBS_OLDEST: &str = "hub_jobs_oldest_seconds";
/// Messages of the queue, by what became of them: sent, dropped, received or unreadable.
pub const QUEUE_MESSAGES: &str = "hub_queue_messages_total";
/// 1 while the queue is away, 0 while it is not; nothing where there is none.
pub const QUEUE_AWAY: &str = "hub_queue_away";
/// Messages in the dead-letter queue.
pub const QUEUE_DEAD_LETTERS: &str = "hub_queue_dead_letters";
/// 1 while the store of artifacts is away, 0 while it is not.
pub const ARTIFACTS_AWAY: &str = "hub_artifacts_store_away";
/// Turns ended, by outcome.
pub const TURNS: &str = "hub_turns_total";
/// How long the model took, by what came of it.
pub const MODEL_SECONDS: &str = "hub_model_seconds";
/// How long embeddings took, by what they were for and what came of it.
pub const EMBEDDING_SECONDS: &str = "hub_embedding_seconds";
/// Memories that have no embedding of the configured model yet.
pub const EMBEDDINGS_MISSING: &str = "hub_embeddings_missing";
/// Voices and faces that workers sent, by what became of them.
pub const OBSERVATIONS: &str = "hub_recognition_observations_total";
/// Commands ended, by state.
pub const COMMANDS: &str = "hub_commands_total";
/// Messages of satellites dealt with, by frame and outcome.
pub const MESSAGES: &str = "hub_satellite_messages_total";
/// How long messages of satellites took, by frame.
pub const MESSAGE_SECONDS: &str = "hub_satellite_message_seconds";
/// Open satellite sockets on this node.
pub const SOCKETS: &str = "hub_satellite_sockets";
/// Sockets of satellites and consoles closed, by reason.
pub const SOCKETS_CLOSED: &str = "hub_satellite_sockets_closed_total";
/// Sockets and what they said that found no room, by what was full: node, agent, door or work.
pub const SOCKETS_REFUSED: &str = "hub_satellite_refused_total";
/// How long what sockets do waited for its turn at the database.
pub const SOCKET_WAIT_SECONDS: &str = "hub_satellite_wait_seconds";
/// Events given out to those who watch, by where they were read: from the tail of the log, or further back.
pub const WATCHED_EVENTS: &str = "hub_watched_events_total";
/// Consoles and streams of events that are open on this node.
pub const WATCHERS: &str = "hub_watchers";
/// Audit entries not yet in the signed log.
pub const AUDIT_WAITING: &str = "hub_audit_waiting_entries";
/// Signed audit entries that the store does not hold yet.
pub const AUDIT_UNPUBLISHED: &str = "hub_audit_unpublished_entries";
/// Audit entries given their place in the log.
pub const AUDIT_SEQUENCED: &str = "hub_audit_sequenced_total";
/// How long the oldest audit entry without a place in the signed log has waited.
pub const AUDIT_SEQUENCE_LAG: &str = "hub_audit_sequence_lag_seconds";
/// How long the oldest audit entry that the store does not hold has waited.
pub const AUDIT_PUBLISH_LAG: &str = "hub_audit_publish_lag_seconds";
/// Commands that were not sent to their device yet.
pub const UNDELIVERED: &str = "hub_mailbox_undelivered_commands";
/// Commands that were sent and that their device did not acknowledge.
pub const UNACKNOWLEDGED: &str = "hub_mailbox_unacknowledged_commands";
/// How long the oldest thing that was forgotten has waited to be off the disk.
pub const SCRUB_LAG: &str = "hub_scrub_lag_seconds";
/// Whether turns of this process wait for the model: 1 while it is away, else 0.
pub const MODEL_CIRCUIT: &str = "hub_model_circuit_open";
/// Spans that no collector got, by reason: the queue was full, or the collector did not take them.
pub const SPANS_DROPPED: &str = "hub_spans_dropped_total";

/// Says what each metric is.
pub(super) fn describe() {
    describe_counter!(HTTP_REQUESTS, "requests answered, by operation and status");
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "how long requests took");
    describe_gauge!(
        CONNECTIONS,
        "open connections on this node, without the sockets of satellites"
    );
    describe_counter!(
        CONNECTIONS_REFUSED,
        "connections closed at once because all were taken"
    );
    describe_counter!(
        TRIES_FAILED,
        "tries to sign in, refresh or claim that got nowhere, by outcome"
    );
    describe_counter!(EVENTS, "events from outside, by what became of them");
    describe_counter!(JOBS, "jobs ended, by kind and outcome");
    describe_histogram!(JOB_SECONDS, Unit::Seconds, "how long jobs ran, by kind");
    describe_gauge!(
        JOBS_OLDEST,
        Unit::Seconds,
        "how long the oldest job that could run has been waiting for a worker"
    );
    describe_counter!(
        QUEUE_MESSAGES,
        "messages of the queue, by what became of them: sent, dropped, received or unreadable"
    );
    describe_gauge!(QUEUE_AWAY, "1 while the queue is away, 0 while it is not");
    describe_gauge!(QUEUE_DEAD_LETTERS, "messages in the dead-letter queue");
    describe_gauge!(ARTIFACTS_AWAY, "1 while the store of artifacts is away, else 0");
    describe_counter!(TURNS, "turns ended, by outcome");
    describe_histogram!(
        MODEL_SECONDS,
        Unit::Seconds,
        "how long the model took, by what came of it"
    );
    describe_histogram!(
        EMBEDDING_SECONDS,
        Unit::Seconds,
        "how long embeddings took, by what they were for and what came of it"
    );
    describe_gauge!(
        EMBEDDINGS_MISSING,
        "memories that have no embedding of the configured model yet"
    );
    describe_recognition();
    describe_counter!(COMMANDS, "commands ended, by state");
    describe_satellites();
    describe_gauge!(AUDIT_WAITING, "audit entries not yet in the signed log");
    describe_gauge!(
        AUDIT_UNPUBLISHED,
        "signed audit entries that the store does not hold yet"
    );
    describe_counter!(AUDIT_SEQUENCED, "audit entries given their place in the log");
    describe_gauge!(
        AUDIT_SEQUENCE_LAG,
        Unit::Seconds,
        "how long the oldest audit entry without a place in the signed log has waited"
    );
    describe_gauge!(
        AUDIT_PUBLISH_LAG,
        Unit::Seconds,
        "how long the oldest audit entry that the store does not hold has waited"
    );
    describe_gauge!(UNDELIVERED, "commands that were not sent to their device yet");
    describe_gauge!(
        UNACKNOWLEDGED,
        "commands that were sent and that their device did not acknowledge"
    );
    describe_gauge!(
        SCRUB_LAG,
        Unit::Seconds,
        "how long the oldest thing that was forgotten has waited to be off the disk"
    );
    describe_gauge!(MODEL_CIRCUIT, "1 while turns of this process wait, else 0");
    describe_counter!(SPANS_DROPPED, "spans that no collector got, by reason");
    describe_watching();
}

fn describe_recognition() {
    describe_counter!(
        OBSERVATIONS,
        "voices and faces that workers sent, by what became of them"
    );
}

fn describe_watching() {
    describe_counter!(
        WATCHED_EVENTS,
        "events given out to those who watch, by where they were read"
    );
    describe_gauge!(WATCHERS, "consoles and streams of events open on this node");
}

fn describe_satellites() {
    describe_counter!(MESSAGES, "messages of satellites, by frame and outcome");
    describe_histogram!(
        MESSAGE_SECONDS,
        Unit::Seconds,
        "how long messages of satellites took, by frame"
    );
    describe_gauge!(SOCKETS, "open satellite sockets on this node");
    describe_counter!(SOCKETS_CLOSED, "sockets closed, by reason");
    describe_counter!(
        SOCKETS_REFUSED,
        "sockets and messages of satellites that found no room, by what was full"
    );
    describe_histogram!(
        SOCKET_WAIT_SECONDS,
        Unit::Seconds,
        "how long what sockets do waited for its turn at the database"
    );
}
