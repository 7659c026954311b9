//! Replaces a forgotten password.

use database::run;
use firebase::{FirebaseError, ImportedAccount, NewAccount};
use shared::causes::Causes;
use shared::ids::{FirebaseUid, NormalizedEmail};
use shared::ownership::Deed;

use crate::accounts::handle::Accounts;
use crate::accounts::lease::Held;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::rules::importable::{Importable, importable};
use crate::statements::accounts;
use crate::statements::accounts::{Credentials, Identifier};
use crate::statements::legacy_hash;

impl Accounts {
    /// Starts [`Accounts::recover`] and returns at once: the time of the answer does not reveal who has an account.
    pub fn recover_in_background(&self, email: NormalizedEmail, source: RequestSource) {
        let Ok(place) = std::sync::Arc::clone(&self.recoveries).try_acquire_owned() else {
            tracing::warn!("too many password recoveries at once; one was dropped");
            return;
        };
        let accounts = self.clone();
        tokio::spawn(async move {
            if let Err(error) = accounts.recover(&email, &source).await {
                tracing::warn!(
                    error = %Causes(&error),
                    "password recovery failed"
                );
            }
            drop(place);
        });
    }

    /// Sends the mail to replace a password; no mail for an address without an account. A local account moves to Firebase first, with its
    /// hash: until the user follows the mail's link, the old password goes on working. A stranger who asks in a user's name locks nobody
    /// out.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn recover(&self, email: &NormalizedEmail, source: &RequestSource) -> Result<(), AccountError> {
        let who = &Identifier::Email(email.clone());
        let known = run(self.directory.pool(), |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        });
        match known.await? {
            Some(known) if !known.is_active => return Ok(()),
            Some(local) if local.firebase_uid.is_none() => match self.import(&local, email, source).await {
                // Another client registered the address at Firebase. The user who gets its mail replaces that client's password, proves the
                // address by it, and is linked at the next sign-in.
                Ok(()) | Err(AccountError::EmailExists) => {}
                Err(error) => return Err(error),
            },
            _ => {}
        }
        match self.firebase.send_password_reset(email).await {
            // No account has the address, or none with a password.
            Ok(()) | Err(FirebaseError::InvalidCredentials | FirebaseError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces a forgotten password by the code in the mail: at Firebase, and in the row while the legacy service may check it. The holder
    /// of the code reads the mail and owns the row from here on: earlier sign-ins and the old password are void.
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] for a code that is wrong, used or expired; a fault of ours before any change.
    pub async fn reset(
        &self,
        code: &str,
        new: &Password,
        source: &RequestSource,
    ) -> Result<(), AccountError> {
        // The code works once, and earlier sign-ins are voided here: stop before Firebase while the database is away.
        run(self.directory.pool(), |mut connection| async move {
            accounts::reach(&mut connection).await
        })
        .await?;
        let email = self.firebase.reset_password(code, new.expose()).await?;
        // The code is used up: the reset counts from here on. If the row could not be reached, the next sign-in corrects it.
        if let Some(email) = email.and_then(|email| NormalizedEmail::parse(&email).ok())
            && let Err(error) = self.follow_reset(email, new, source).await
        {
            tracing::warn!(
                error = %Causes(&error),
                "a password was replaced at Firebase and not here"
            );
        }
        Ok(())
    }

    async fn follow_reset(
        &self,
        email: NormalizedEmail,
        new: &Password,
        source: &RequestSource,
    ) -> Result<(), AccountError> {
        let who = &Identifier::Email(email.clone());
        let known = run(self.directory.pool(), |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        })
        .await?;
        let Some(linked) = known.filter(|known| known.firebase_uid.is_some()) else {
            return Ok(());
        };
        if !self.is_managed(&linked.issuer).await? {
            // Another account of our project has the row's address. The row stays as it is.
            return Ok(());
        }
        let theirs = self.is_theirs(&linked, &email).await;
        if !matches!(theirs, Ok(true)) {
            let actor = &Actor::user();
            run(self.directory.pool(), |mut connection| async move {
                accounts::revoke_sessions(&mut connection, linked.id, actor, source).await
            })
            .await?;
            return theirs.map(drop);
        }
        // If the hash cannot be computed, the legacy service accepts neither password, instead of the old one.
        let hash = self.passwords.hash(new.expose().to_owned()).await.ok();
        let hash = hash.as_deref();
        run(self.directory.pool(), |mut connection| async move {
            legacy_hash::note_reset(&mut connection, linked.id, hash, source).await
        })
        .await?;
        Ok(())
    }

    /// Whether the account with the replaced password is the row's: another account may have the row's address by now.
    async fn is_theirs(&self, linked: &Credentials, email: &NormalizedEmail) -> Result<bool, AccountError> {
        let Some(Ok(uid)) = linked.firebase_uid.clone().map(FirebaseUid::parse) else {
            return Ok(false);
        };
        let account = self.firebase.find_account(&uid).await?;
        let address = account
            .and_then(|account| account.email)
            .and_then(|email| NormalizedEmail::parse(&email).ok());
        Ok(address.as_ref() == Some(email))
    }

    /// Whether Firebase has verified the address of the account `uid`, if there is one.
    pub(super) async fn is_vouched_for(&self, uid: &FirebaseUid) -> Result<bool, AccountError> {
        let account = self.firebase.find_account(uid).await?;
        Ok(account.is_some_and(|account| account.email_verified))
    }

    /// Makes the account of a local user with their hash, and links it.
    ///
    /// # Errors
    /// [`AccountError::EmailExists`] when another account has the address, or when the one from an earlier attempt belongs to a user who
    /// has proven the address since; or a fault of ours.
    pub(super) async fn import(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        source: &RequestSource,
    ) -> Result<(), AccountError> {
        let (id, Some(hash)) = (local.id.to_string(), local.password_hash.as_deref()) else {
            return Ok(());
        };
        let importable = importable(local.email.as_deref(), Some(hash), self.passwords.max_cost());
        let lease = match self.hold_for_move(local.id).await? {
            Held::ToBeMoved(lease) => lease,
            Held::NoLongerLocal => return Ok(()),
        };
        let imported = match &importable {
            Ok(importable) => {
                self.import_held(local, email, importable, (&id, hash), source)
                    .await
            }
            Err(_) => self.make_without_password(local, email, &id).await,
        };
        self.let_go(lease);
        imported
    }

    /// Firebase stores any hash that it gets, and no password matches an invalid one. Therefore the account is made without: the mail sets
    /// a password and so proves the address, and the next sign-in links the row.
    async fn make_without_password(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        id: &str,
    ) -> Result<(), AccountError> {
        let new = NewAccount {
            uid: id,
            email,
            email_verified: local.email_verified,
            password: None,
            display_name: local.display_name.as_deref(),
            photo_url: None,
        };
        match self.firebase.create_account(&new).await {
            Ok(()) | Err(FirebaseError::UidExists) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn import_held(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        importable: &Importable,
        (id, hash): (&str, &str),
        source: &RequestSource,
    ) -> Result<(), AccountError> {
        let account = ImportedAccount {
            uid: id,
            email,
            email_verified: local.email_verified,
            bcrypt_hash: &importable.bcrypt_hash,
            display_name: local.display_name.as_deref(),
        };
        let imported = self.firebase.import_account(&account).await?;
        let Ok(uid) = FirebaseUid::parse(id.to_owned()) else {
            return Ok(());
        };
        if !imported && !local.may(Deed::SetFirebasePassword, self.is_vouched_for(&uid).await?) {
            return Err(AccountError::EmailExists);
        }
        // An existing account may have an older password: the next sign-in compares the two.
        let agreed = if imported { hash } else { "" };
        let account = (&uid, &self.managed_issuer().await?);
        let linked = run(self.directory.pool(), |mut connection| async move {
            accounts::link_migrated(&mut connection, local.id, account, agreed, source).await
        });
        if linked.await? || !imported {
            Ok(())
        } else {
            self.undo_move_of_removed(local.id).await
        }
    }
}
