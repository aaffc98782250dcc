//! Commands of the program as they are typed: by a person with a sign-in of theirs, or by a script with a token.

use std::path::{Path, PathBuf};

use crate::Program;

/// What everybody types who is asked for a password.
const PASSWORD: &str = "correct horse battery\n";

/// Where somebody types, with a folder that holds their sign-in.
pub struct Shell<'a> {
    program: &'a Program,
    dir: PathBuf,
    /// Empty: the sign-in counts, as it does without the variable.
    token: String,
}

impl Program {
    /// A hub that runs, with these settings, and is Ada's, who is signed in where it runs.
    pub async fn claimed(settings: &[(&str, &str)]) -> Self {
        let mut program = Self::new(settings).await;
        program.start().await;
        let (is_well, said) = program.shell().claims(&[]).await;
        assert!(is_well, "{said}");
        program
    }

    /// Where the hub runs.
    #[must_use]
    pub fn shell(&self) -> Shell<'_> {
        self.shell_in(self.dir())
    }

    /// Where somebody else is.
    #[must_use]
    pub fn shell_in(&self, dir: &Path) -> Shell<'_> {
        Shell {
            program: self,
            dir: dir.to_owned(),
            token: String::new(),
        }
    }
}

impl Shell<'_> {
    /// The same with a token in the place of the sign-in.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            program: self.program,
            dir: self.dir.clone(),
            token: token.to_owned(),
        }
    }

    /// Ada claims the agent with the code of the first start. Returns whether it went well, and what was said.
    pub async fn claims(&self, with: &[&str]) -> (bool, String) {
        let code = self.program.claim_code();
        let login = [
            "login",
            "--code",
            code.trim(),
            "--name",
            "ada",
            "--password-stdin",
        ];
        self.run(&[&login[..], with].concat()).await
    }

    /// A command that goes well. Returns what it said.
    pub async fn types(&self, arguments: &[&str]) -> String {
        let (is_well, said) = self.run(arguments).await;
        assert!(is_well, "{arguments:?}: {said}");
        said
    }

    /// A command that does not go well. Returns what it said.
    pub async fn is_refused(&self, arguments: &[&str]) -> String {
        let (is_well, said) = self.run(arguments).await;
        assert!(!is_well, "{arguments:?}: {said}");
        said
    }

    /// The same with other answers than the password.
    pub async fn answers(&self, lines: &str, arguments: &[&str]) -> (bool, String) {
        let token = [("HUB_TOKEN", &*self.token)];
        self.program.run_with(&self.dir, arguments, lines, &token).await
    }

    async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let token = [("HUB_TOKEN", &*self.token)];
        let ran = self.program.run_with(&self.dir, arguments, PASSWORD, &token);
        ran.await
    }
}
