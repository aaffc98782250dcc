//! `hub inbox`: what waits for a person's decision.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    remote::{self, Failure, Names, Options, Remote, arguments, in_state, short_ids},
    terminal::{ago, one_line, span},
};
use crate::{
    actions::{Action, ActionState},
    clock::{Clock, DateTime, SystemClock},
    page::{DEFAULT_LIMIT, MAX_LIMIT, Page},
};

/// Show what the agent wants to do and waits for you to decide
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Show the newest actions, decided or not
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub inbox
  hub inbox --all
  hub inbox --json | jq -r '.items[].summary'";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("inbox", &args.options, async |hub| inbox(&args, hub).await).await
}

pub(super) async fn inbox(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let calls = if args.all {
        vec![in_state(None, DEFAULT_LIMIT)]
    } else {
        let waiting = [ActionState::Proposed, ActionState::Unknown];
        waiting.map(|state| in_state(Some(state), MAX_LIMIT)).into()
    };
    if hub.is_curl() {
        for call in &calls {
            hub.show_curl(call)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (mut items, mut actions, mut has_more) = (Vec::new(), Vec::new(), false);
    for call in &calls {
        let answer = hub.client.call(call).await?;
        items.extend(answer["items"].as_array().cloned().unwrap_or_default());
        let page: Page<Action> = hub.client.read(&answer)?;
        has_more |= page.next_cursor.is_some();
        actions.extend(page.items);
    }
    show(args, hub, &items, &actions).await?;
    if has_more {
        hub.terminal.remark("There are more; these are the newest.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(args: &Args, hub: &mut Remote, items: &[Value], actions: &[Action]) -> Result<(), Failure> {
    if hub.is_json() {
        return hub.show_json(&json!({"items": items}));
    }
    let view = View {
        names: Names::of_devices(&hub.client).await?,
        now: SystemClock.now(),
    };
    let text = if args.all {
        view.everything(actions)
    } else {
        view.waiting(actions)
    };
    hub.show(text.trim_end())
}

/// What is needed to put actions into words.
struct View {
    names: Names,
    now: DateTime,
}

impl View {
    /// What waits, and what to type.
    fn waiting(&self, actions: &[Action]) -> String {
        let proposed = self.section(actions, ActionState::Proposed, "waiting for your decision");
        let unknown = self.section(actions, ActionState::Unknown, "that may or may not have happened");
        let parts = [
            proposed
                .map(|(text, id)| format!("{text}  hub approve {id}    or    hub reject {id} --reason WHY")),
            unknown.map(|(text, id)| format!("{text}  hub resolve done {id}    or  not-done  or  retry")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return "Nothing waits for you.".to_owned();
        }
        parts.join("\n\n")
    }

    /// The actions in a state under a title, and the id of the first for an example; nothing where there is none.
    fn section(&self, actions: &[Action], state: ActionState, title: &str) -> Option<(String, String)> {
        // Ids differ among all that is shown, not only in their section.
        let listed: Vec<(&Action, String)> = actions
            .iter()
            .zip(ids(actions))
            .filter(|(action, _)| action.state == state)
            .collect();
        let first = listed.first()?.1.clone();
        let noun = if listed.len() == 1 { "action" } else { "actions" };
        let entries: Vec<String> = listed.iter().map(|(action, id)| self.entry(action, id)).collect();
        Some((
            format!("{} {noun} {title}\n\n{}", listed.len(), entries.concat()),
            first,
        ))
    }

    fn everything(&self, actions: &[Action]) -> String {
        if actions.is_empty() {
            return "The agent has not proposed anything yet.".to_owned();
        }
        let entries = actions
            .iter()
            .zip(ids(actions))
            .map(|(action, id)| self.entry(action, &id));
        entries.collect::<String>()
    }

    /// One action: what it is in words, where it stands, and its exact arguments.
    fn entry(&self, action: &Action, id: &str) -> String {
        let mut lines = vec![
            format!("{} · {}", action.tool, standing(action, self.now)),
            arguments(&action.arguments, &self.names),
        ];
        lines.extend(action.error.as_deref().map(one_line));
        let result = action
            .result
            .as_ref()
            .map(|result| arguments(result, &self.names));
        lines.extend(
            result
                .filter(|result| !result.is_empty())
                .map(|result| format!("result: {result}")),
        );
        // Under the summary, beside the id.
        let gap = format!("\n{}", " ".repeat(id.len() + 4));
        format!(
            "  {id}  {}{gap}{}\n\n",
            one_line(&action.summary),
            lines.join(&gap)
        )
    }
}

fn standing(action: &Action, now: DateTime) -> String {
    let mut text = if action.state == ActionState::Proposed {
        let (age, left) = (ago(action.created_at, now), span(now, action.deadline_at));
        format!("proposed {age} · expires in {left}")
    } else {
        let since = ago(action.updated_at, now);
        format!("{} {since}", action.state.as_str().replace('_', " "))
    };
    if action.audience_person_id.is_some() {
        text += " · private";
    }
    text
}

fn ids(actions: &[Action]) -> Vec<String> {
    short_ids(&actions.iter().map(|action| action.id.0).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::remote::testing::action;

    #[test]
    fn the_inbox_reads_at_a_glance() {
        let actions = [
            action("0198aaaa-0000-7000-8000-0000003f9a1c", ActionState::Proposed),
            action("0198aaaa-0000-7000-8000-00000077ab0e", ActionState::Unknown),
        ];
        let view = View {
            names: Names::default(),
            now: actions[0].created_at + chrono::TimeDelta::minutes(3),
        };
        assert_eq!(
            view.waiting(&actions).trim_end(),
            r#"1 action waiting for your decision

  3f9a1c  Say "dinner is ready" in the office
          device_command · proposed 3 min ago · expires in 23 h
          arguments.text "dinner is ready" · kind "speaker.say"

  hub approve 3f9a1c    or    hub reject 3f9a1c --reason WHY

1 action that may or may not have happened

  77ab0e  Say "dinner is ready" in the office
          device_command · unknown 3 min ago
          arguments.text "dinner is ready" · kind "speaker.say"

  hub resolve done 77ab0e    or  not-done  or  retry"#
        );
        assert_eq!(view.waiting(&[]), "Nothing waits for you.");
    }
}
