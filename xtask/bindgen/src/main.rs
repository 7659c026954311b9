//! `crossfade-bindgen KIND WASM FOLDER`: writes the JavaScript bindings of a compiled wasm module, and the module without what only
//! the bindings needed, to `FOLDER/index.js` and `FOLDER/index_bg.wasm`.
//!
//! `KIND` is `worker` (a module of the Workers runtime, which can be made afresh after a trap) or `web` (a module a browser loads).

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, wasm, folder] = words.as_slice() else {
        eprintln!("usage: crossfade-bindgen worker|web WASM FOLDER");
        return ExitCode::from(64);
    };
    let mut bindgen = Bindgen::new();
    let configured = match kind.as_str() {
        "worker" => bindgen.module(true).map(|bindgen| {
            bindgen
                .out_name("index")
                .typescript(false)
                // Names are a third of the file, and only a debugger reads them.
                .remove_name_section(true)
                .remove_producers_section(true)
                .reset_state_function(true)
                .force_enable_abort_handler(true)
        }),
        "web" => bindgen.web(true).map(|bindgen| bindgen.typescript(true)),
        _ => {
            eprintln!("crossfade-bindgen: `{kind}` is neither `worker` nor `web`");
            return ExitCode::from(64);
        }
    };
    let written = configured.and_then(|bindgen| bindgen.input_path(wasm).generate(folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crossfade-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
