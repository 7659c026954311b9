//! Rules for the Dockerfile, after hadolint's (named where they are the same).

/// What is wrong with it. `toolchain` is rust-toolchain.toml.
pub fn faults(text: &str, toolchain: &str) -> Vec<String> {
    let instructions = instructions(text);
    let of = |name: &str| -> Vec<&str> {
        let named = instructions.iter().filter(|(known, _)| known == name);
        named.map(|(_, rest)| rest.as_str()).collect()
    };
    let mut wrong = Vec::new();
    let mut must = |holds: bool, rule: &str| {
        if !holds {
            wrong.push(format!("ops/docker/Dockerfile: {rule}"));
        }
    };
    for base in of("FROM") {
        let image = base.split_whitespace().next().unwrap_or_default();
        let pinned = image == "scratch" || image.split_once(':').is_some_and(|(_, tag)| tag != "latest");
        must(
            pinned,
            &format!("{image} is not pinned to a version (DL3006, DL3007)"),
        );
    }
    let version = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .map(|version| version.trim_matches('"'))
        .unwrap_or_default();
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let compiler = format!("rust:{}-", minor.join("."));
    must(
        of("FROM").iter().any(|base| base.starts_with(&compiler)),
        &format!("it is not built by the compiler of rust-toolchain.toml ({compiler}…)"),
    );
    // What counts is the last stage, the image itself.
    let last = instructions
        .iter()
        .rposition(|(name, _)| name == "FROM")
        .unwrap_or(0);
    let image = instructions.get(last..).unwrap_or_default();
    let user = image
        .iter()
        .rfind(|(name, _)| name == "USER")
        .map(|(_, user)| user.as_str());
    // By number: an image from scratch knows no names, and Kubernetes' runAsNonRoot wants one.
    let number = user.and_then(|user| user.split(':').next()?.parse::<u32>().ok());
    must(
        number.is_some_and(|number| number > 0),
        "the last USER is root, or a name (DL3002)",
    );
    for name in ["ENTRYPOINT", "CMD"] {
        let forms = of(name);
        must(!forms.is_empty(), &format!("there is no {name}"));
        let exec = forms.iter().all(|form| form.starts_with('['));
        must(
            exec,
            &format!("{name} is a text for a shell, which the image has not (DL3025)"),
        );
    }
    let health = of("HEALTHCHECK");
    must(health.len() == 1, "there is not one HEALTHCHECK");
    must(
        health.iter().all(|form| form.contains("CMD [")),
        "HEALTHCHECK is a text for a shell",
    );
    must(of("ADD").is_empty(), "ADD instead of COPY (DL3020)");
    for folder in of("WORKDIR") {
        must(folder.starts_with('/'), "WORKDIR is relative (DL3000)");
    }
    for command in of("RUN") {
        must(
            !command.contains("apk add") || command.contains("--no-cache"),
            "apk add without --no-cache (DL3019)",
        );
        must(
            !command.contains("cargo build") || command.contains("--locked"),
            "cargo build without --locked: another build, other dependencies",
        );
        must(!command.contains("sudo"), "sudo (DL3004)");
    }
    let secret = |rest: &&str| {
        ["KEY", "SECRET", "PASSWORD", "TOKEN"]
            .iter()
            .any(|word| rest.contains(word))
    };
    must(
        !of("ENV").iter().chain(&of("ARG")).any(secret),
        "a secret in ENV or ARG stays in the image for everybody to read",
    );
    wrong
}

/// Each instruction's name and the rest of it; lines that end in a backslash go on.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let split = joined
        .lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace));
    split
        .map(|(name, rest)| (name.to_uppercase(), rest.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLCHAIN: &str = "[toolchain]\nchannel = \"1.95.0\"\n";
    const GOOD: &str = "FROM rust:1.95-alpine AS build\nRUN apk add --no-cache \\\n  musl-dev\nWORKDIR /src\nCOPY . .\nRUN cargo build --locked\n\
                        FROM scratch\nCOPY --from=build /x /x\nUSER 65532:65532\nHEALTHCHECK CMD [\"/x\", \"healthcheck\"]\nENTRYPOINT [\"/x\"]\nCMD [\"serve\"]\n";

    #[test]
    fn a_good_one_passes() {
        assert_eq!(faults(GOOD, TOOLCHAIN), Vec::<String>::new());
    }

    #[test]
    fn each_rule_finds_its_fault() {
        for (good, bad, word) in [
            ("rust:1.95-alpine", "rust:latest", "DL3007"),
            ("rust:1.95-alpine", "rust:1.80-alpine", "rust-toolchain.toml"),
            ("--no-cache", "", "DL3019"),
            ("/src", "src", "DL3000"),
            ("COPY . .", "ADD . .", "DL3020"),
            ("--locked", "", "--locked"),
            ("USER 65532:65532\n", "", "DL3002"),
            ("USER 65532:65532", "USER 0", "DL3002"),
            ("USER 65532:65532", "USER nobody", "DL3002"),
            ("CMD [\"serve\"]", "CMD serve", "DL3025"),
            ("HEALTHCHECK CMD [\"/x\", \"healthcheck\"]\n", "", "HEALTHCHECK"),
            ("COPY . .", "COPY . .\nENV API_KEY=x", "secret"),
            ("RUN cargo", "RUN sudo cargo", "DL3004"),
        ] {
            let wrong = faults(&GOOD.replace(good, bad), TOOLCHAIN);
            assert!(wrong.iter().any(|fault| fault.contains(word)), "{bad}: {wrong:?}");
        }
    }
}
