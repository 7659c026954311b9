//! The names of the macros of the crate `worker`, of which the edge uses none.

use proc_macro::TokenStream;

/// Refuses to be used.
#[proc_macro_attribute]
pub fn consume(_: TokenStream, _: TokenStream) -> TokenStream {
    refused()
}

/// Refuses to be used.
#[proc_macro_attribute]
pub fn durable_object(_: TokenStream, _: TokenStream) -> TokenStream {
    refused()
}

/// Refuses to be used.
#[proc_macro_attribute]
pub fn event(_: TokenStream, _: TokenStream) -> TokenStream {
    refused()
}

/// Refuses to be used.
#[proc_macro_attribute]
pub fn send(_: TokenStream, _: TokenStream) -> TokenStream {
    refused()
}

fn refused() -> TokenStream {
    "compile_error!(\"the macros of `worker` are left out of this workspace: see edge/worker-macros/README.md\");"
        .parse()
        .unwrap_or_default()
}
