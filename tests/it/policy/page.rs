//! The page of permissions: made from the handlers' first arguments and the table of roles, which the tests beside this hold
//! against real requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::LazyLock,
};

use hub::{
    delegations,
    devices::DEVICE_SCOPES,
    identity::{Role, Scope, personal_token::may_have},
};
use support::Api;
use syn::{FnArg, GenericArgument, Item, ItemFn, PathArguments, Type};

use super::{
    channel,
    permissions::{Needs, table},
    source::modules,
};

const HEAD: &str = "# Who may do what

Made from the code, and compared with it by a test. A person has a role in an agent; a program has a personal access token, which may
do what its scopes say and its user's role grants, whichever is less; a device has the scopes that it was let in with; another agent,
or a service, by a delegation, what its scopes say and those of all that it came from, of what can be delegated at all. Who is blocked,
or belongs to another agent, gets 404 everywhere, as if there were no agent. Who may do something sees it done to what they may see:
the household's things and their own, a guest their own alone. The rule is `hub/src/identity/role.rs`.

## Requests

";

/// What no program does, whatever its scopes.
const ONLY_SIGNED_IN: [&str; 2] = ["leave_agent", "transfer_ownership"];
/// Where the operation itself asks for a higher role than its scope.
const AT_LEAST: [(&str, Role); 1] = [("transfer_ownership", Role::Owner)];

/// What an operation asks its caller for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    SignIn,
    The(Scope),
}

#[test]
fn the_page_of_permissions_is_the_one_of_the_code() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/PERMISSIONS.md");
    if is_to_be_written() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "permissions have changed; bring their page up to date with: \
         HUB_WRITE_PAGES=yes cargo test --workspace --test it -- policy::page"
    );
}

/// What the tests of permissions try is what the page says.
#[test]
fn the_table_that_is_tried_is_the_one_of_the_handlers() {
    let tried = table();
    for (id, asks) in handlers() {
        let needs = match asks {
            Asks::Nothing => Needs::Nothing,
            Asks::SignIn => Needs::AnyUser,
            Asks::The(scope) => {
                let by_scope = Role::least_for(scope).expect("a person may do it");
                Needs::Least(by_scope.max(least_of(&id)))
            }
        };
        assert_eq!(tried.get(id.as_str()), Some(&needs), "{id}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "who changes a permission writes the page anew"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("HUB_WRITE_PAGES").is_some()
}

/// Whether an operation can be done by a delegation at all.
pub(super) fn is_delegable(operation: &str) -> bool {
    static ALL: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let can_be = handlers().into_iter().filter(|(id, asks)| match asks {
            Asks::The(scope) => delegations::may_have(*scope) && !ONLY_SIGNED_IN.contains(&id.as_str()),
            Asks::Nothing | Asks::SignIn => false,
        });
        can_be.map(|(id, _)| id).collect()
    });
    ALL.contains(operation)
}

fn page() -> String {
    let handlers = handlers();
    let mut page = HEAD.to_owned();
    page += "| operation | request | needs | guest | member | admin | owner | token | device | delegation |\n|---|---|---|---|---|---|---|---|---|---|\n";
    for operation in Api::read().operations {
        let asks = handlers.get(&operation.id).copied().unwrap_or(Asks::Nothing);
        let needs = match asks {
            Asks::Nothing => "nothing".to_owned(),
            Asks::SignIn => "a sign-in".to_owned(),
            Asks::The(scope) => format!("`{}`", scope.as_str()),
        };
        let roles = Role::ALL.into_iter().filter(|role| *role > Role::Blocked);
        let roles = roles.map(|role| match asks {
            Asks::The(scope) => role.grants(scope) && role >= least_of(&operation.id),
            Asks::Nothing | Asks::SignIn => true,
        });
        let by_token = match asks {
            Asks::Nothing => true,
            Asks::SignIn => false,
            Asks::The(scope) => may_have(scope) && !ONLY_SIGNED_IN.contains(&operation.id.as_str()),
        };
        let by_device = match asks {
            Asks::Nothing => true,
            Asks::SignIn => false,
            Asks::The(scope) => DEVICE_SCOPES.contains(&scope),
        };
        let by_delegation = asks == Asks::Nothing || is_delegable(&operation.id);
        let marks: String = roles
            .chain([by_token, by_device, by_delegation])
            .map(mark)
            .collect();
        let (id, method, path) = (&operation.id, &operation.method, &operation.path);
        let _ = writeln!(page, "| {id} | `{method} {path}` | {needs} |{marks}");
    }
    page += "\n## Messages of devices\n\n| message | needs |\n|---|---|\n";
    for (name, needs) in channel::TABLE {
        let needs = match needs {
            channel::Needs::Any => "any scope of the channel".to_owned(),
            channel::Needs::The(scope) => format!("`{scope}`"),
        };
        let _ = writeln!(page, "| {name} | {needs} |");
    }
    page
}

fn least_of(operation: &str) -> Role {
    let found = AT_LEAST.iter().find(|(id, _)| *id == operation);
    found.map_or(Role::Blocked, |(_, role)| *role)
}

fn mark(may: bool) -> &'static str {
    if may { " yes |" } else { " |" }
}

/// What each operation's handler takes first.
fn handlers() -> BTreeMap<String, Asks> {
    let mut found = BTreeMap::new();
    for module in modules() {
        for item in &module.file.items {
            if let Item::Fn(handler) = item
                && let Some(id) = operation_id(handler)
            {
                found.insert(id, asks(handler));
            }
        }
    }
    found
}

fn operation_id(handler: &ItemFn) -> Option<String> {
    let mut attributes = handler.attrs.iter().filter_map(|attribute| {
        let list = attribute.meta.require_list().ok()?;
        Some(list.tokens.to_string())
    });
    attributes.find_map(|text| {
        let rest = text.split_once("operation_id = \"")?.1;
        Some(rest.split_once('"')?.0.to_owned())
    })
}

fn asks(handler: &ItemFn) -> Asks {
    let mut all = handler.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    let named = all.find_map(|ty| {
        let Type::Path(path) = ty else { return None };
        let last = path.path.segments.last()?;
        match (last.ident.to_string().as_str(), &last.arguments) {
            ("User", _) => Some(Asks::SignIn),
            ("May", PathArguments::AngleBracketed(of)) => {
                let Some(GenericArgument::Type(Type::Path(permission))) = of.args.first() else {
                    return None;
                };
                let name = permission.path.segments.last()?.ident.to_string();
                let scope = Scope::ALL.iter().find(|scope| format!("{scope:?}") == name);
                Some(Asks::The(*scope.expect("a permission is a scope")))
            }
            _ => None,
        }
    });
    named.unwrap_or(Asks::Nothing)
}
