//! The limit on guesses at a second factor. A sign-in that waits for one names no account: Google's credential for it is opaque, and every
//! right password gives another one. The factor's id stands for the account; Google accepts no code of any other factor.

use shared::base64url;
use shared::limits::Key;

use super::Limits;

impl Limits {
    /// The name of the account with the factor called `id`.
    #[must_use]
    pub fn factor(&self, id: &str) -> Key {
        self.0.names.key("factor", &[id.as_bytes()])
    }

    /// Google's `session` of a code that was sent for the factor called `id`, signed together with that id: Google's session does not name
    /// the factor, and a guesser may request one code after the other.
    #[must_use]
    pub fn sign_session(&self, id: &str, session: &str) -> String {
        let signature = self.session_signature(id, session);
        format!("{}.{signature}.{session}", base64url::encode(id.as_bytes()))
    }

    /// The factor's id and Google's session in an answer of [`Self::sign_session`].
    #[must_use]
    pub fn read_session<'a>(&self, signed: &'a str) -> Option<(String, &'a str)> {
        let (id, rest) = signed.split_once('.')?;
        let (signature, session) = rest.split_once('.')?;
        let id = String::from_utf8(base64url::decode(id.as_bytes()).ok()?).ok()?;
        (self.session_signature(&id, session) == signature).then_some((id, session))
    }

    fn session_signature(&self, id: &str, session: &str) -> String {
        let parts = [id.as_bytes(), session.as_bytes()];
        self.0.names.key("factor session", &parts).to_hex()
    }
}
