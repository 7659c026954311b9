//! The native RSA primitive, for tests: the origin's own engine must pass the same vectors.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use shared::token::{EngineFault, RsaPublicKey, SignatureEngine};

pub struct Native;

impl SignatureEngine for Native {
    type Key = RsaPublicKey;

    async fn import(&self, key: &RsaPublicKey) -> Result<RsaPublicKey, EngineFault> {
        Ok(key.clone())
    }

    async fn verify_rs256(
        &self,
        key: &RsaPublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, EngineFault> {
        let key = RsaPublicKeyComponents {
            n: key.modulus(),
            e: key.exponent(),
        };
        Ok(key
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok())
    }
}

/// Runs a future that never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing in these tests waits"),
    }
}
