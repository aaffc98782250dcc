//! `GET /pair`: what the person does with the code that a device shows. In plain text: nothing is typed here.

/// The path of the page.
pub const PAGE: &str = "/pair";

const TEXT: &str = "A device of yours shows a code and asks to be let in.

Where you are signed in (hub login), run:

    hub pair CODE

It shows you what the device says of itself, and asks before anything happens. Approve only what you have just
started yourself: whoever holds the device hears and says what your agent hears and says there.
";

/// The page.
pub async fn verification_page() -> &'static str {
    TEXT
}
