//! Where a source can be mutated, and the source with a switch in each of these places.

use proc_macro2::Span;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Block, Expr, ExprClosure, Field, Fields, GenericArgument, ImplItemFn, Item,
    ItemFn, ItemStruct, Macro, Pat, PathArguments, ReturnType, Signature, Stmt, Token, Type, UnOp,
};

/// A source with switches in it.
pub struct Found {
    /// The source.
    pub text: String,
    /// Its mutants, in the order of their numbers.
    pub mutants: Vec<Value>,
}

/// Where a source runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In a program.
    Chain,
    /// In the tests of its own crate. Its `const fn` are none in the copy, as a switch is no constant.
    Host,
}

/// Puts a switch into every place of a source that can be mutated; the first has the number `first`.
pub fn of(name: &str, text: &str, first: u16, place: Where) -> anyhow::Result<Found> {
    let parsed = syn::parse_file(text)?;
    let inside = place == Where::Host || name.starts_with("crates/program/");
    let mut sites = Sites {
        name,
        text,
        first,
        place,
        constants: parsed
            .items
            .iter()
            .filter(|item| matches!(item, Item::Const(_) | Item::Static(_)))
            .map(|item| item.span().byte_range())
            .collect(),
        switch: if inside {
            "crate::mutant"
        } else {
            "lode_program::mutant"
        },
        mutants: vec![],
        function: String::new(),
        returns_nothing: false,
        parameters: vec![],
        before: BTreeMap::new(),
        after: BTreeMap::new(),
        replaced: BTreeMap::new(),
    };
    if let Some(first) = parsed.items.first() {
        let integers = format!(
            "#[allow(unused_imports)]\nuse {}::Integer as _;\n",
            sites.switch
        );
        sites.wrap(first.span(), integers, "");
    }
    sites.visit_file(&parsed);
    Ok(Found {
        text: sites.written(),
        mutants: sites.mutants,
    })
}

struct Sites<'a> {
    name: &'a str,
    text: &'a str,
    first: u16,
    place: Where,
    /// Where constants are.
    constants: Vec<Range<usize>>,
    /// Path of the switch's module.
    switch: &'static str,
    mutants: Vec<Value>,
    /// The function or struct that is being looked at.
    function: String,
    /// It returns `Result<()>`.
    returns_nothing: bool,
    /// Parameters of the closures around.
    parameters: Vec<syn::Ident>,
    /// What comes before a byte, the outermost first.
    before: BTreeMap<usize, Vec<String>>,
    /// What comes after a byte, the outermost first.
    after: BTreeMap<usize, Vec<String>>,
    /// What stands for bytes: their end, and the text.
    replaced: BTreeMap<usize, (usize, String)>,
}

/// Methods of integers that have a mutant, and how many.
const METHODS: [(&str, u16); 9] = [
    ("checked_add", 1),
    ("checked_sub", 2),
    ("checked_mul", 1),
    ("checked_div", 1),
    ("saturating_add", 1),
    ("saturating_sub", 1),
    ("saturating_mul", 1),
    ("min", 1),
    ("max", 1),
];

impl Sites<'_> {
    /// A new mutant's number.
    fn mutant(&mut self, kind: &str, span: Span) -> u16 {
        let number = self.first + u16::try_from(self.mutants.len()).unwrap_or(u16::MAX);
        let text: Vec<&str> = self.text[span.byte_range()].split_whitespace().collect();
        self.mutants.push(json!({
            "number": number,
            "file": self.name,
            "line": span.start().line,
            "in": self.function,
            "kind": kind,
            "text": text.join(" "),
        }));
        number
    }

    fn wrap(&mut self, span: Span, before: String, after: &str) {
        let Range { start, end } = span.byte_range();
        self.before.entry(start).or_default().push(before);
        self.after.entry(end).or_default().push(after.to_string());
    }

    fn replace(&mut self, Range { start, end }: Range<usize>, text: String) {
        self.replaced.insert(start, (end, text));
    }

    /// The source with all that was put into it.
    fn written(&self) -> String {
        let mut written = String::new();
        let mut at = 0;
        while at <= self.text.len() {
            for text in self.after.get(&at).into_iter().flatten().rev() {
                written += text;
            }
            for text in self.before.get(&at).into_iter().flatten() {
                written += text;
            }
            if let Some((end, text)) = self.replaced.get(&at) {
                written += text;
                at = *end;
                continue;
            }
            let Some(character) = self.text[at..].chars().next() else {
                break;
            };
            written.push(character);
            at += character.len_utf8();
        }
        written
    }

    /// A condition: each part of it, set to true and to false where that is asked for. What makes one side of `||` true
    /// makes the other side true as well, so one mutant stands for both; so it is with `&&` and false.
    fn condition(&mut self, e: &Expr, yes: bool, no: bool, kind: &str) {
        match e {
            Expr::Paren(inner) => self.condition(&inner.expr, yes, no, kind),
            Expr::Binary(b) if matches!(b.op, BinOp::And(_)) => {
                self.condition(&b.left, true, no, kind);
                self.condition(&b.right, true, false, kind);
            }
            Expr::Binary(b) if matches!(b.op, BinOp::Or(_)) => {
                self.condition(&b.left, yes, true, kind);
                self.condition(&b.right, false, true, kind);
            }
            Expr::Unary(u) if matches!(u.op, UnOp::Not(_)) => {
                self.condition(&u.expr, no, yes, kind);
            }
            Expr::Let(inner) => self.visit_expr(&inner.expr),
            Expr::Lit(_) => {}
            _ => {
                let switch = self.switch;
                if yes {
                    let number = self.mutant(&format!("{kind}: true"), e.span());
                    self.wrap(e.span(), format!("{switch}::yes({number}, "), ")");
                }
                if no {
                    let number = self.mutant(&format!("{kind}: false"), e.span());
                    self.wrap(e.span(), format!("{switch}::no({number}, "), ")");
                }
                match e {
                    Expr::Binary(b) => self.boundary(b),
                    _ => visit::visit_expr(self, e),
                }
            }
        }
    }

    /// A comparison, whose bound can be off by one.
    fn boundary(&mut self, b: &syn::ExprBinary) {
        let mutated = match b.op {
            BinOp::Lt(_) => "lt",
            BinOp::Le(_) => "le",
            BinOp::Gt(_) => "gt",
            BinOp::Ge(_) => "ge",
            BinOp::Eq(_) | BinOp::Ne(_) => {
                self.visit_expr(&b.left);
                self.visit_expr(&b.right);
                return;
            }
            _ => {
                self.arithmetic(b);
                return;
            }
        };
        let number = self.mutant("bound", b.span());
        let switch = self.switch;
        self.wrap(b.span(), format!("{switch}::{mutated}({number}, &("), "))");
        self.replace(b.op.span().byte_range(), "), &(".to_string());
        self.visit_expr(&b.left);
        self.visit_expr(&b.right);
    }

    fn arithmetic(&mut self, b: &syn::ExprBinary) {
        let mutated = match b.op {
            // It may be a reference, which is none of the results.
            _ if self.is_parameter(&b.left) => {
                self.visit_expr(&b.left);
                self.visit_expr(&b.right);
                return;
            }
            BinOp::Add(_) => "plus",
            BinOp::Sub(_) => "minus",
            BinOp::Mul(_) => "times",
            BinOp::Div(_) => "over",
            BinOp::Rem(_) => "rest",
            BinOp::BitAnd(_) => "and",
            BinOp::BitOr(_) => "or",
            BinOp::BitXor(_) => "xor",
            BinOp::Shl(_) => "left",
            BinOp::Shr(_) => "right",
            _ => {
                self.visit_expr(&b.left);
                self.visit_expr(&b.right);
                return;
            }
        };
        let number = self.mutant("operand", b.span());
        let switch = self.switch;
        self.wrap(b.span(), format!("{switch}::{mutated}({number}, "), ")");
        self.replace(b.op.span().byte_range(), ", ".to_string());
        self.visit_expr(&b.left);
        self.visit_expr(&b.right);
    }

    /// Whether a constant of this source is made by this function.
    fn in_constants(&self, function: &syn::Ident) -> bool {
        let call = format!("{function}(");
        let mut constants = self.constants.iter();
        constants.any(|bytes| self.text[bytes.clone()].contains(&call))
    }

    /// Whether this is a parameter of the closure around it.
    fn is_parameter(&self, e: &Expr) -> bool {
        match e {
            Expr::Path(path) => path
                .path
                .get_ident()
                .is_some_and(|name| self.parameters.contains(name)),
            _ => false,
        }
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        match (&signature.constness, self.place) {
            (Some(_), Where::Chain) => return,
            (Some(_), Where::Host) if self.in_constants(&signature.ident) => return,
            (Some(constness), Where::Host) => {
                self.replace(constness.span().byte_range(), String::new());
            }
            _ => {}
        }
        let outer = (std::mem::take(&mut self.function), self.returns_nothing);
        self.function = signature.ident.to_string();
        self.returns_nothing = returns_nothing(&signature.output);
        if let (true, Some(Stmt::Expr(last, None))) = (self.returns_nothing, block.stmts.last()) {
            self.end(last);
        }
        self.visit_block(block);
        (self.function, self.returns_nothing) = outer;
    }

    /// The last expression of a function that returns nothing but an error: left out.
    fn end(&mut self, last: &Expr) {
        if is_step(last) && !is_wrapper(last) {
            let number = self.mutant("step", last.span());
            let before = format!("if {}::on({number}) {{ Ok(()) }} else {{ ", self.switch);
            self.wrap(last.span(), before, " }");
        }
    }

    fn require(&mut self, macro_: &Macro) {
        let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
        let Ok(arguments) = macro_.parse_body_with(parse) else {
            return;
        };
        if let Some(condition) = arguments.first() {
            self.condition(condition, true, false, "require");
        }
    }

    /// What an account must be, as far as it can be switched off: address, seeds with a stored bump, conditions,
    /// signatures, and owner and type of what is only read.
    fn account(&mut self, field: &Field) {
        let Some(ident) = &field.ident else { return };
        let name = ident.to_string();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("account")) {
            self.constraints(&name, attribute);
        }
        let inner = option_of(&field.ty).unwrap_or(&field.ty);
        let Type::Path(path) = inner else { return };
        let Some(last) = path.path.segments.last() else {
            return;
        };
        let switch = self.switch;
        if last.ident == "Signer" {
            let number = self.mutant("signer", ident.span());
            self.replace(
                inner.span().byte_range(),
                format!("{switch}::Signer<{number}>"),
            );
        } else if last.ident == "ReadOnly" {
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return;
            };
            let number = self.mutant("owner", inner.span());
            self.mutant("type", inner.span());
            let of = self.text[arguments.args.span().byte_range()].to_string();
            self.replace(
                inner.span().byte_range(),
                format!("{switch}::ReadOnly<{of}, {number}>"),
            );
        }
    }

    fn constraints(&mut self, name: &str, attribute: &Attribute) {
        let Ok(constraints) = attribute.parse_args_with(parse_constraints) else {
            return;
        };
        let switch = self.switch;
        for constraint in &constraints {
            let Some(value) = &constraint.value else {
                continue;
            };
            match constraint.name.as_str() {
                "address" => {
                    let number = self.mutant("address", constraint.span);
                    let before =
                        format!("{switch}::address({number}, {name}.account().address(), ");
                    self.wrap(value.span(), before, ")");
                }
                "constraint" => self.condition(value, true, false, "constraint"),
                _ => {}
            }
        }
        let named = |what: &str| constraints.iter().find(|c| c.name == what);
        let (Some(seeds), Some(bump)) = (named("seeds"), named("bump")) else {
            return;
        };
        let (Some(Expr::Array(array)), Some(value)) = (&seeds.value, &bump.value) else {
            return;
        };
        let number = self.mutant("seeds", seeds.span);
        let each: Vec<String> = array
            .elems
            .iter()
            .map(|seed| format!("{switch}::seed({})", &self.text[seed.span().byte_range()]))
            .collect();
        let bytes = seeds.span.byte_range().start..value.span().byte_range().end;
        let text = format!(
            "constraint = {switch}::derived({number}, &[{}, &[{}]], &crate::ID, {name}.account().address()) @ \
             anchor_lang::prelude::ProgramError::InvalidSeeds",
            each.join(", "),
            &self.text[value.span().byte_range()]
        );
        self.replace(bytes, text);
    }
}

struct Constraint {
    name: String,
    span: Span,
    value: Option<Expr>,
}

fn parse_constraints(input: ParseStream) -> syn::Result<Vec<Constraint>> {
    let mut found = vec![];
    while !input.is_empty() {
        let ident = input.call(syn::Ident::parse_any)?;
        let mut name = ident.to_string();
        let mut span = ident.span();
        while input.peek(Token![::]) {
            input.parse::<Token![::]>()?;
            name = format!("{name}::{}", input.call(syn::Ident::parse_any)?);
        }
        if input.peek(syn::token::Paren) {
            let _: proc_macro2::TokenTree = input.parse()?;
        }
        let mut value = None;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let parsed: Expr = input.parse()?;
            span = span.join(parsed.span()).unwrap_or(span);
            value = Some(parsed);
        }
        if input.peek(Token![@]) {
            input.parse::<Token![@]>()?;
            let _: Expr = input.parse()?;
        }
        found.push(Constraint { name, span, value });
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(found)
}

impl<'ast> Visit<'ast> for Sites<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(_) | Item::Static(_) | Item::Macro(_) | Item::Enum(_) => {}
            Item::Mod(module) if module.attrs.iter().any(|a| a.path().is_ident("cfg")) => {}
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let is_accounts = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("derive")
                && self.text[attribute.span().byte_range()].contains("Accounts")
        });
        if let (true, Fields::Named(fields)) = (is_accounts, &item.fields) {
            self.function = item.ident.to_string();
            for field in &fields.named {
                self.account(field);
            }
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_expr_repeat(&mut self, _: &'ast syn::ExprRepeat) {}
    fn visit_path_arguments(&mut self, _: &'ast PathArguments) {}

    fn visit_macro(&mut self, macro_: &'ast Macro) {
        if macro_.path.is_ident("require") {
            self.require(macro_);
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        let outer = (
            std::mem::take(&mut self.returns_nothing),
            self.parameters.len(),
        );
        let names = closure.inputs.iter().filter_map(|input| match input {
            Pat::Ident(named) => Some(named.ident.clone()),
            _ => None,
        });
        self.parameters.extend(names);
        visit::visit_expr_closure(self, closure);
        self.returns_nothing = outer.0;
        self.parameters.truncate(outer.1);
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Expr(e, Some(_)) = statement {
            let effect = match e {
                Expr::Assign(_) => true,
                Expr::Binary(_) => true,
                _ => is_step(e),
            };
            if effect {
                let kind = if matches!(e, Expr::Try(_)) {
                    "step"
                } else {
                    "effect"
                };
                let number = self.mutant(kind, e.span());
                let before = format!("if !{}::on({number}) {{ ", self.switch);
                self.wrap(statement.span(), before, " }");
            }
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, e: &'ast Expr) {
        match e {
            Expr::If(branch) => {
                self.condition(&branch.cond, true, true, "if");
                self.visit_block(&branch.then_branch);
                if let Some((_, otherwise)) = &branch.else_branch {
                    self.visit_expr(otherwise);
                }
            }
            Expr::Match(match_) => {
                self.visit_expr(&match_.expr);
                for arm in &match_.arms {
                    if let Some((_, guard)) = &arm.guard {
                        self.condition(guard, true, true, "if");
                    }
                    self.visit_expr(&arm.body);
                }
            }
            Expr::Return(return_) => {
                let Some(value) = &return_.expr else { return };
                if self.returns_nothing {
                    self.end(value);
                }
                self.visit_expr(value);
            }
            Expr::Binary(b) => match b.op {
                BinOp::And(_) | BinOp::Or(_) | BinOp::Eq(_) | BinOp::Ne(_) => {
                    self.condition(e, true, true, "condition");
                }
                BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                    self.condition(e, true, true, "condition");
                }
                _ => self.arithmetic(b),
            },
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                let method = METHODS.iter().find(|(method, _)| *method == name);
                if let (Some((_, count)), 1) = (method, call.args.len()) {
                    let number = self.mutant("operand", e.span());
                    if *count == 2 {
                        self.mutant("unchecked", e.span());
                    }
                    self.replace(call.method.span().byte_range(), format!("mutant_{name}"));
                    let open = call.paren_token.span.open().byte_range().end;
                    self.before
                        .entry(open)
                        .or_default()
                        .insert(0, format!("{number}, "));
                }
                visit::visit_expr_method_call(self, call);
            }
            Expr::Call(call) => {
                let name = last_of(&call.func);
                let mutated = match name.as_deref() {
                    Some("add" | "mul") => Some("checked"),
                    Some("sub") => Some("checked_or_wrapped"),
                    _ => None,
                };
                if let (Some(mutated), 2) = (mutated, call.args.len()) {
                    let number = self.mutant("operand", e.span());
                    if mutated == "checked_or_wrapped" {
                        self.mutant("unchecked", e.span());
                    }
                    let switch = self.switch;
                    self.wrap(
                        call.func.span(),
                        format!("{switch}::{mutated}({number}, "),
                        "",
                    );
                    self.replace(call.paren_token.span.open().byte_range(), ", ".to_string());
                }
                visit::visit_expr_call(self, call);
            }
            _ => visit::visit_expr(self, e),
        }
    }
}

/// A call, also with `?`.
fn is_step(e: &Expr) -> bool {
    match e {
        Expr::Try(inner) => is_step(&inner.expr),
        Expr::MethodCall(_) | Expr::Call(_) => true,
        _ => false,
    }
}

/// `Ok(..)` or `Err(..)`.
fn is_wrapper(e: &Expr) -> bool {
    matches!(e, Expr::Call(call) if matches!(last_of(&call.func).as_deref(), Some("Ok" | "Err")))
}

fn last_of(function: &Expr) -> Option<String> {
    let Expr::Path(path) = function else {
        return None;
    };
    Some(path.path.segments.last()?.ident.to_string())
}

fn option_of(type_: &Type) -> Option<&Type> {
    let Type::Path(path) = type_ else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

fn returns_nothing(output: &ReturnType) -> bool {
    let ReturnType::Type(_, type_) = output else {
        return false;
    };
    let Type::Path(path) = &**type_ else {
        return false;
    };
    let Some(last) = path.path.segments.last() else {
        return false;
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return false;
    };
    last.ident == "Result"
        && matches!(arguments.args.first(), Some(GenericArgument::Type(Type::Tuple(t))) if t.elems.is_empty())
}
