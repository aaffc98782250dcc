//! The law, and whether it was kept: what the hub says of a run, held against what its device did.

use std::collections::HashMap;

use hub::satellite::protocol::CommandStatus;
use serde_json::Value;
use support::SuperuserSql;
use uuid::Uuid;

use super::{orders::Ordered, run::Done};

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) runs: usize,
    pub(super) events: usize,
    pub(super) commands: usize,
    pub(super) done: usize,
    pub(super) never_started: usize,
    pub(super) unknown: usize,
    pub(super) late: usize,
    pub(super) again: usize,
    pub(super) lost: usize,
    pub(super) doubled: usize,
    pub(super) notes: Vec<String>,
}

/// What is wrong, by the column in which it is counted.
enum Wrong {
    Lost,
    Doubled,
    /// Neither, and against the book.
    Otherwise,
}

/// The states of a command that has not ended.
const OPEN: [&str; 3] = ["queued", "sent", "acknowledged"];

struct Kept {
    state: String,
    attempts: i32,
    is_late: bool,
    is_long: bool,
    result: Option<Value>,
    error: Option<Value>,
    /// The states that the log says it ended in, in order.
    ends: Vec<String>,
}

type Row = (
    Uuid,
    String,
    String,
    i32,
    bool,
    bool,
    Option<Value>,
    Option<Value>,
    Option<String>,
);

impl Tally {
    fn note(&mut self, run: &Done, wrong: &Wrong, what: &str) {
        match wrong {
            Wrong::Lost => self.lost += 1,
            Wrong::Doubled => self.doubled += 1,
            Wrong::Otherwise => {}
        }
        self.notes.push(format!("{}: {what}", run.repeats));
    }

    /// Judges a run.
    pub(super) async fn add(&mut self, sql: &SuperuserSql, run: &Done) {
        self.runs += 1;
        for wrong in run.device.wrong.iter().chain(&run.wrong) {
            self.note(run, &Wrong::Otherwise, wrong);
        }
        if run.is_reference {
            self.check_lines(sql, run).await;
        } else {
            self.check_events(sql, run).await;
        }
        self.check_turns(sql, run).await;
        self.check_commands(sql, run).await;
    }

    /// All that was said is in the log once, as the device was told.
    async fn check_events(&mut self, sql: &SuperuserSql, run: &Done) {
        let rows: Vec<(String, Uuid, i64)> = sql
            .rows(&format!(
                "select client_id, id, position from hub.events where device_id = '{}' and client_id is not null
                 order by position",
                run.made.id
            ))
            .await;
        self.events += run.device.said;
        let mut kept: HashMap<String, (Uuid, i64)> = HashMap::new();
        for (client_id, id, position) in rows {
            if kept.insert(client_id.clone(), (id, position)).is_some() {
                self.note(run, &Wrong::Doubled, &format!("{client_id} is in the log twice"));
            }
        }
        let told = &run.device.kept;
        for number in 0..run.device.said {
            let client_id = run.client_id(number);
            let (told, kept) = (told.get(&client_id), kept.get(&client_id));
            let is_right = matches!((told, kept), (Some((told, at)), Some((id, position)))
                if told == id && at.is_none_or(|at| at == *position));
            if !is_right {
                self.note(
                    run,
                    &Wrong::Lost,
                    &format!("{client_id}: told {told:?}, kept {kept:?}"),
                );
            }
        }
        if kept.len() > run.device.said {
            self.note(run, &Wrong::Doubled, "the log has more than was said");
        }
    }

    /// What was typed is in the log at most once: with a process that was killed a line is lost, which it never promised to
    /// keep.
    async fn check_lines(&mut self, sql: &SuperuserSql, run: &Done) {
        let lines: Vec<(String, i64)> = sql
            .rows(&format!(
                "select payload->>'text', count(*) from hub.events where device_id = '{}' and type = 'transcript' group by 1",
                run.made.id
            ))
            .await;
        self.events += lines.len();
        for (line, _) in lines.into_iter().filter(|(_, times)| *times > 1) {
            self.note(run, &Wrong::Doubled, &format!("{line:?} is in the log twice"));
        }
    }

    /// What needs a turn had one, with one reply.
    async fn check_turns(&mut self, sql: &SuperuserSql, run: &Done) {
        let turns: Vec<(String, i64, i64)> = sql
            .rows(&format!(
                "select e.client_id, count(t.id), count(c.id) from hub.events e
                 left join hub.turn_inputs i on i.agent_id = e.agent_id and i.event_id = e.id
                 left join hub.turns t on t.agent_id = i.agent_id and t.id = i.turn_id and t.state = 'planned'
                 left join hub.commands c on c.agent_id = t.agent_id and c.turn_id = t.id
                 where e.device_id = '{}' and e.type = 'transcript' group by e.client_id",
                run.made.id
            ))
            .await;
        for (client_id, turns, replies) in turns {
            let wrong = match (turns, replies) {
                (1, 1) => continue,
                (2.., _) | (_, 2..) => Wrong::Doubled,
                _ => Wrong::Lost,
            };
            self.note(
                run,
                &wrong,
                &format!("{client_id}: {turns} turns, {replies} replies"),
            );
        }
    }

    async fn check_commands(&mut self, sql: &SuperuserSql, run: &Done) {
        let rows: Vec<Row> = sql
            .rows(&format!(
                "select c.id, c.kind, c.state, c.attempts, c.is_late,
                   c.deadline_at - c.created_at > interval '3 minutes',
                   c.result, c.error,
                   (select string_agg(e.payload->>'state', ' ' order by e.position) from hub.events e
                    where e.agent_id = c.agent_id and e.type = 'command.changed' and e.device_id = c.device_id
                      and e.payload->>'command_id' = c.id::text and e.payload->>'state' <> 'acknowledged')
                 from hub.commands c where c.agent_id = '{}' and c.device_id = '{}' order by c.seq",
                run.made.agent, run.made.id
            ))
            .await;
        let mut kept = HashMap::new();
        for (id, _, state, attempts, is_late, is_long, result, error, ends) in rows {
            let ends = ends
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect();
            let one = Kept {
                state,
                attempts,
                is_late,
                is_long,
                result,
                error,
                ends,
            };
            self.check_command(run, id, &one);
            kept.insert(id, one);
        }
        for ordered in &run.ordered {
            self.check_ordered(run, ordered, kept.get(&ordered.id));
        }
        let sent: Vec<i64> = sql
            .values(&format!(
                "select count(*) from hub.commands where device_id = '{}' and kind <> 'reply'
                 group by arguments->>'n' having count(*) > 1",
                run.made.id
            ))
            .await;
        if !sent.is_empty() {
            self.note(run, &Wrong::Doubled, "one order became two commands");
        }
    }

    /// What was answered with 201 is there, and what was said to be cancelled is.
    fn check_ordered(&mut self, run: &Done, ordered: &Ordered, kept: Option<&Kept>) {
        let Some(kept) = kept else {
            self.note(
                run,
                &Wrong::Lost,
                &format!("{} was accepted and is not there", ordered.id),
            );
            return;
        };
        if ordered.is_cancelled && kept.state != "cancelled" {
            let what = format!("{} was said to be cancelled, and is {}", ordered.id, kept.state);
            self.note(run, &Wrong::Otherwise, &what);
        }
    }

    /// Every command has one end, and it is what the device did.
    fn check_command(&mut self, run: &Done, id: Uuid, kept: &Kept) {
        self.commands += 1;
        self.again += usize::from(kept.attempts > 1);
        self.late += usize::from(kept.is_late);
        match &*kept.state {
            "succeeded" | "failed" | "unsupported" => self.done += 1,
            "unknown" => self.unknown += 1,
            state if OPEN.contains(&state) => {}
            _ => self.never_started += 1,
        }
        // A reply to its last line may come when the program has left.
        if run.is_reference && !run.device.effects.contains_key(&id) && OPEN.contains(&&*kept.state) {
            return;
        }
        if let Some((wrong, why)) = fault(run, id, kept) {
            let what = format!(
                "{id} is {} after {} ({:?}), {why}: carried out {} times, answered {:?}",
                kept.state,
                kept.attempts,
                kept.ends,
                run.effects(id),
                run.device.answers.get(&id).map(|answer| answer.status)
            );
            self.note(run, &wrong, &what);
        }
    }
}

/// What is wrong with a command.
fn fault(run: &Done, id: Uuid, kept: &Kept) -> Option<(Wrong, &'static str)> {
    let device = &run.device;
    let effects = run.effects(id);
    let answer = device.answers.get(&id);
    if effects > 1 {
        return Some((Wrong::Doubled, "which was done twice"));
    }
    if let Some(wrong) = wrong_ends(kept) {
        return Some(wrong);
    }
    let status = answer.map(|answer| answer.status);
    match &*kept.state {
        // Its replies are shown, too, but not with a number.
        "succeeded" if run.is_reference => {
            let is_ordered = run.device.effects.contains_key(&id);
            (is_ordered && effects != 1).then_some((Wrong::Otherwise, "and was not done"))
        }
        "succeeded" if status != Some(CommandStatus::Ok) || effects != 1 => {
            Some((Wrong::Otherwise, "and was not done so"))
        }
        "succeeded" if answer.and_then(|answer| answer.result.as_ref()) != kept.result.as_ref() => {
            Some((Wrong::Otherwise, "with another result"))
        }
        "failed" if status != Some(CommandStatus::Error) || effects != 0 => {
            Some((Wrong::Otherwise, "and did not fail so"))
        }
        "unknown" if status.is_some_and(|status| status != CommandStatus::Unknown) => {
            Some((Wrong::Lost, "and the device had said how it ended"))
        }
        "expired" | "superseded" | "cancelled" if effects > 0 => {
            Some((Wrong::Otherwise, "which means that it never started"))
        }
        "expired" if kept.is_long && !run.may_expire => Some((Wrong::Lost, "with minutes left")),
        "cancelled" if status.is_none() && kept.error.is_none() => {
            Some((Wrong::Otherwise, "and nobody said so"))
        }
        // Of `unknown`: nobody knows, and that is what the hub says.
        "succeeded" | "failed" | "unknown" | "expired" | "superseded" | "cancelled" => None,
        _ => Some((Wrong::Lost, "which is no end")),
    }
}

/// The log says one end; after one that the hub guessed at its deadline, a late one.
fn wrong_ends(kept: &Kept) -> Option<(Wrong, &'static str)> {
    let ends: Vec<&str> = kept.ends.iter().map(String::as_str).collect();
    let is_right = match ends[..] {
        [only] => only == kept.state && !kept.is_late,
        ["unknown" | "expired", last] => last == kept.state && kept.is_late,
        _ => false,
    };
    (!is_right).then_some((Wrong::Doubled, "of which the log says otherwise"))
}
