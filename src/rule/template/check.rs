//! What Go's parser checks and `gotmpl` leaves to execution: unknown functions and variables. Also
//! finds the labels that a template names.

use std::collections::BTreeSet;

use gotmpl::parse::{CommandNode, Expr, ListNode, Node, PipeNode};

use super::functions::{BUILT_IN, PRINT, all};

/// Whether every block of `source` has its `end`.
///
/// # Errors
/// Go's words for one that has not.
pub(super) fn blocks(source: &str) -> Result<(), String> {
    let first_words = source.split("{{").skip(1).map(|action| {
        let action = action.trim_start_matches('-').trim_start();
        action.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or("")
    });
    let depth = first_words.fold(0_i64, |depth, word| match word {
        "if" | "range" | "with" | "define" | "block" => depth + 1,
        "end" => depth - 1,
        _ => depth,
    });
    match depth {
        0 => Ok(()),
        1.. => Err("unexpected EOF: a block lacks its {{ end }}".to_owned()),
        _ => Err("unexpected {{end}}".to_owned()),
    }
}

/// A template that prints numbers as Go does: every action that prints goes through [`PRINT`].
pub(super) fn print_as_go(template: gotmpl::Template) -> gotmpl::Template {
    let names: Vec<String> = template.templates().into_iter().map(str::to_owned).collect();
    names.into_iter().fold(template, |template, name| {
        let Some(mut tree) = template.lookup(&name).cloned() else { return template };
        through_print(&mut tree);
        template.add_parse_tree(&name, tree)
    })
}

fn through_print(list: &mut ListNode) {
    for node in &mut list.nodes {
        match node {
            Node::List(list) => through_print(list),
            Node::Action(action) if action.pipe.decl.is_empty() => {
                let pos = action.pipe.pos;
                action.pipe.commands.push(CommandNode { pos, args: vec![Expr::Identifier(pos, PRINT.into())] });
            }
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                through_print(&mut branch.body);
                branch.else_body.iter_mut().for_each(through_print);
            }
            _ => {}
        }
    }
}

/// What a template looks at.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Names of labels that it reads; none if it also looks at the labels as a whole.
    pub(super) names: Vec<Box<str>>,
    /// Queries that are written out.
    pub(super) queries: Vec<Box<str>>,
    /// It makes up the text of a query.
    pub(super) computed: bool,
}

/// What the template looks at.
///
/// # Errors
/// The first function or variable that does not exist.
pub(super) fn check(template: &gotmpl::Template) -> Result<Found, String> {
    let mut seen = Seen::default();
    for name in template.templates() {
        seen.declared = BTreeSet::from(["$".to_owned()]);
        if let Some(tree) = template.lookup(name) {
            seen.list(tree);
        }
    }
    if let Some(problem) = seen.problem {
        return Err(problem);
    }
    let boxed = |names: BTreeSet<String>| names.into_iter().map(String::into_boxed_str).collect();
    let names = if seen.whole { Vec::new() } else { boxed(seen.labels) };
    Ok(Found { names, queries: boxed(seen.queries), computed: seen.computed })
}

#[derive(Default)]
struct Seen {
    declared: BTreeSet<String>,
    labels: BTreeSet<String>,
    queries: BTreeSet<String>,
    computed: bool,
    whole: bool,
    problem: Option<String>,
}

impl Seen {
    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    fn list(&mut self, list: &ListNode) {
        for node in &list.nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::List(list) => self.list(list),
            Node::Action(action) => self.pipe(&action.pipe),
            Node::If(branch) => self.branch(&branch.pipe, &branch.body, branch.else_body.as_ref()),
            Node::Range(branch) => self.branch(&branch.pipe, &branch.body, branch.else_body.as_ref()),
            Node::With(branch) => self.branch(&branch.pipe, &branch.body, branch.else_body.as_ref()),
            Node::Template(template) => {
                if let Some(pipe) = &template.pipe {
                    self.pipe(pipe);
                }
            }
            Node::Define(_) | Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }

    fn branch(&mut self, pipe: &PipeNode, body: &ListNode, otherwise: Option<&ListNode>) {
        self.pipe(pipe);
        self.list(body);
        if let Some(list) = otherwise {
            self.list(list);
        }
    }

    fn pipe(&mut self, pipe: &PipeNode) {
        // `{{$labels := .Labels}}` is Prometheus' own and no look at the labels as a whole.
        let own = pipe.decl.iter().any(|name| matches!(&**name, "$labels" | "$externalLabels"));
        let whole = self.whole;
        for argument in pipe.commands.iter().flat_map(|command| &command.args) {
            self.expression(argument);
        }
        self.queries(&pipe.commands);
        self.whole = if own { whole } else { self.whole };
        self.declared.extend(pipe.decl.iter().map(ToString::to_string));
    }

    /// Notes what `query` is called with: `query "up"` and `"up" | query` are written out.
    fn queries(&mut self, commands: &[CommandNode]) {
        let is_query = |argument: &Expr| matches!(argument, Expr::Identifier(_, name) if &**name == "query");
        for (index, command) in commands.iter().enumerate() {
            let before = || match commands.get(index.checked_sub(1)?)?.args.as_slice() {
                [piped] if index == 1 => Some(piped),
                _ => None,
            };
            let asked = match command.args.as_slice() {
                [called] if is_query(called) => before(),
                [called, asked, ..] if is_query(called) => Some(asked),
                _ => continue,
            };
            match asked {
                Some(Expr::String(_, text)) => drop(self.queries.insert(text.to_string())),
                _ => self.computed = true,
            }
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Field(_, chain) => self.chain(chain.first().map(|name| &**name), chain.get(1).map(|name| &**name)),
            Expr::Variable(_, name, chain) => {
                if !self.declared.contains(&**name) {
                    self.refuse(format!("undefined variable \"{name}\""));
                }
                match &**name {
                    "$labels" | "$externalLabels" => self.chain(Some("Labels"), chain.first().map(|name| &**name)),
                    "$" => self.chain(chain.first().map(|name| &**name), chain.get(1).map(|name| &**name)),
                    _ => {}
                }
            }
            Expr::Identifier(_, name) => self.function(name),
            Expr::Pipe(_, pipe) => self.pipe(pipe),
            Expr::Chain(_, inner, _) => self.expression(inner),
            _ => {}
        }
    }

    fn chain(&mut self, first: Option<&str>, second: Option<&str>) {
        match (first, second) {
            (Some("Labels" | "ExternalLabels"), Some(name)) => drop(self.labels.insert(name.to_owned())),
            (Some("Labels" | "ExternalLabels"), None) => self.whole = true,
            _ => {}
        }
    }

    fn function(&mut self, name: &str) {
        if !BUILT_IN.contains(&name) && !all(&std::sync::Arc::default()).contains_key(name) {
            self.refuse(format!("function \"{name}\" not defined"));
        }
    }
}
