//! `print`, `println` and `printf` with numbers as Go prints them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{FuncMap, Value};

use super::functions::{argument, string, text};
use super::humanize;

/// Go's printing functions, over those of `gotmpl`.
pub(super) fn all(map: &mut FuncMap) {
    let mut add = |name: &str, function: fn(&[Value]) -> gotmpl::Result<Value>| {
        map.insert(name.to_owned(), Arc::new(function));
    };
    // spaces stand between operands of which neither is a text
    add("print", |args| {
        let mut printed = String::new();
        for (index, arg) in args.iter().enumerate() {
            let is_text = |value: &Value| matches!(value, Value::String(_));
            if index > 0 && !is_text(arg) && !is_text(&args[index - 1]) {
                printed.push(' ');
            }
            printed.push_str(&as_go(arg).to_string());
        }
        Ok(text(&printed))
    });
    add("println", |args| {
        let printed: Vec<String> = args.iter().map(|arg| as_go(arg).to_string()).collect();
        Ok(text(&format!("{}\n", printed.join(" "))))
    });
    add("printf", |args| {
        argument(args, 0)?;
        let format = string(args, 0)?;
        let mut named: BTreeMap<Arc<str>, Value> = BTreeMap::from([("f".into(), text(&format))]);
        let mut verbs = verbs(&format);
        for (index, arg) in args.iter().enumerate().skip(1) {
            let value = if verbs.next() == Some('v') { as_go(arg) } else { arg.clone() };
            named.insert(format!("a{index}").into(), value);
        }
        let operands: String = (1..args.len()).map(|index| format!(" .a{index}")).collect();
        let template = gotmpl::Template::new("printf").parse(&format!("{{{{printf .f{operands}}}}}"))?;
        Ok(text(&template.execute_to_string(&Value::Map(Arc::new(named)))?))
    });
}

/// The verb that each operand of a format belongs to.
fn verbs(format: &str) -> impl Iterator<Item = char> {
    let pieces = format.replace("%%", "");
    let verb = |piece: &str| piece.chars().find(|letter| letter.is_ascii_alphabetic()).unwrap_or('v');
    pieces.split('%').skip(1).map(verb).collect::<Vec<char>>().into_iter()
}

/// A float as the text that Go's `%v` makes of it.
pub(super) fn as_go(value: &Value) -> Value {
    match value {
        Value::Float(number) => text(&humanize::plain(*number)),
        other => other.clone(),
    }
}
