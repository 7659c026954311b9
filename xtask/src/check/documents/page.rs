//! What a page of Markdown links to, shows as code, and can be linked at.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A piece of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is, counted from 1.
    pub line: usize,
    pub text: String,
}

/// A block of commands, marked `sh`.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Where its first command is, counted from 1.
    pub line: usize,
    pub text: String,
    /// What the comments right before it say: `not run: …`, `prints: …`, `deploys: …`.
    pub notes: Vec<String>,
}

/// What is looked at of a page.
#[derive(Debug, Default)]
pub struct Page {
    /// What may stand after `#`: its headings as GitHub names them.
    pub anchors: BTreeSet<String>,
    /// Where its links and images lead.
    pub links: Vec<Found>,
    /// Its blocks of commands.
    pub blocks: Vec<Block>,
    /// Its commands: code within a sentence, and each line of a block marked `sh`.
    pub code: Vec<Found>,
}

impl Page {
    /// Reads CommonMark with tables.
    pub fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut seen = BTreeMap::<String, usize>::new();
        let mut heading: Option<String> = None;
        let mut in_shell = false;
        // Comments since the last thing a reader sees, and the one that is being read: it comes line by line.
        let mut notes = Vec::new();
        let mut html = String::new();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = 1 + text.get(..range.start).unwrap_or_default().matches('\n').count();
            match &event {
                Event::Html(line) => html.push_str(line),
                Event::InlineHtml(html) => notes.extend(comment(html)),
                Event::End(TagEnd::HtmlBlock) => notes.extend(comment(&std::mem::take(&mut html))),
                Event::Start(Tag::HtmlBlock | Tag::CodeBlock(_)) => {}
                // A comment within a list's item.
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) | Event::SoftBreak => {}
                _ if in_shell => {}
                _ => notes.clear(),
            }
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Found {
                        line,
                        text: dest_url.into_string(),
                    });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&heading.take().unwrap_or_default());
                    let before = seen.entry(name.clone()).or_default();
                    let unique = match *before {
                        0 => name,
                        again => format!("{name}-{again}"),
                    };
                    *before += 1;
                    page.anchors.insert(unique);
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    in_shell = &*language == "sh";
                    if in_shell {
                        page.blocks.push(Block {
                            line: line + 1,
                            text: String::new(),
                            notes: std::mem::take(&mut notes),
                        });
                    }
                    notes.clear();
                }
                Event::End(TagEnd::CodeBlock) => in_shell = false,
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.code.push(Found {
                        line,
                        text: code.into_string(),
                    });
                }
                Event::Text(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                    if in_shell {
                        if let Some(block) = page.blocks.last_mut() {
                            block.text.push_str(&words);
                        }
                        page.code
                            .extend(words.lines().enumerate().map(|(after, words)| Found {
                                line: line + after,
                                text: words.to_owned(),
                            }));
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// What a comment of HTML says.
fn comment(html: &str) -> Option<String> {
    let inner = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(inner.trim().to_owned())
}

/// A heading's name in an address: lower case, spaces as hyphens, punctuation left out.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_headings_and_commands_are_found() {
        let page = Page::read(
            "# One: `two`\n\nA [link](a.md#b), `cargo xtask dev`.\n\n## Again\n## Again\n\n| a | b |\n|---|---|\n| [c](d) | |\n\n\
             ```sh\none\ntwo [no](link)\n```\n\n```json\nthree\n```\n",
        );
        assert_eq!(
            Vec::from_iter(&page.anchors),
            ["again", "again-1", "one-two"].iter().collect::<Vec<_>>()
        );
        let found = |list: &[Found]| -> Vec<(usize, String)> {
            list.iter()
                .map(|found| (found.line, found.text.clone()))
                .collect()
        };
        assert_eq!(
            found(&page.links),
            [(3, "a.md#b".to_owned()), (10, "d".to_owned())]
        );
        assert_eq!(
            found(&page.code),
            [
                (1, "two".to_owned()),
                (3, "cargo xtask dev".to_owned()),
                (13, "one".to_owned()),
                (14, "two [no](link)".to_owned())
            ]
        );
    }

    #[test]
    fn comment_of_several_lines_before_a_block_is_a_note() {
        let page = Page::read("# A\n\nText:\n\n<!-- prints:\none\ntwo\n-->\n```sh\nthree\n```\n");
        assert_eq!(page.blocks.first().unwrap().notes, ["prints:\none\ntwo"]);
    }
}
