//! `lode top`: what a wallet has on the network, as it changes.
mod gather;
mod view;

use crate::context::Context;
use crate::output::{self, Format};
use crate::progress::Progress;
use crate::shutdown;
use anyhow::{bail, Context as _, Result};
use gather::{Snapshot, Source};
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use solana_address::Address;
use solana_signer::Signer;
use std::io::IsTerminal;
use std::time::Duration;
use tokio::sync::mpsc;
use view::View;

/// Columns of a frame that no terminal shows: addresses stand there whole.
const WIDE: u16 = 240;
/// How long a key may wait to be heard.
const LISTEN: Duration = Duration::from_millis(100);

/// Arguments of `top`.
#[derive(clap::Args)]
pub struct Top {
    /// Whose nodes, accounts and seats, if not the wallet's own
    #[arg(long, value_name = "ADDRESS")]
    of: Option<Address>,
    /// Print one frame as text, or as JSON with `--output json`, and end
    #[arg(long)]
    once: bool,
    /// Seconds between two looks at the chain
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    refresh_seconds: u64,
}

pub async fn run(args: Top, context: &Context) -> Result<()> {
    let json = context.out.format == Format::Json;
    if !args.once && (json || !std::io::stdout().is_terminal()) {
        bail!("There is no terminal to draw on: print one frame with `lode top --once`");
    }
    let wallet = match args.of {
        Some(wallet) => wallet,
        None => context.wallet()?.pubkey(),
    };
    let mut source = Source::new(wallet, context);
    let progress = Progress::start("looking at the chain");
    let snapshot = source.look().await?;
    drop(progress);
    if args.once {
        if json {
            context.out.json(&snapshot.json(&context.out));
        } else {
            output::write(text(&snapshot)?.as_bytes());
        }
        return Ok(());
    }
    live(source, snapshot, Duration::from_secs(args.refresh_seconds)).await
}

/// A frame as text, as high as it needs to be.
fn text(snapshot: &Snapshot) -> Result<String> {
    let view = View::new(snapshot.clone());
    let mut terminal = Terminal::new(TestBackend::new(WIDE, view.height()))?;
    terminal.draw(|frame| view::draw(frame, &view))?;
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(WIDE)) {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Quit,
    Next,
    Previous,
    Down,
    Up,
    /// The terminal has another size.
    Redraw,
}

fn key_of(event: &Event) -> Option<Key> {
    let key = match event {
        Event::Resize(..) => return Some(Key::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return None,
    };
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        KeyCode::Right | KeyCode::Tab => Some(Key::Next),
        KeyCode::Left | KeyCode::BackTab => Some(Key::Previous),
        KeyCode::Down => Some(Key::Down),
        KeyCode::Up => Some(Key::Up),
        _ => None,
    }
}

/// Hears keys until nobody asks for them any more.
fn listen(keys: mpsc::Sender<Key>) {
    while !keys.is_closed() {
        match event::poll(LISTEN) {
            Ok(false) => {}
            Ok(true) => match event::read() {
                Ok(event) => {
                    if key_of(&event).is_some_and(|key| keys.blocking_send(key).is_err()) {
                        return;
                    }
                }
                Err(_) => return,
            },
            // the terminal is gone: the channel closes, and that ends the command
            Err(_) => return,
        }
    }
}

/// Waits, and looks again.
async fn again(mut source: Source<'_>, pause: Duration) -> (Source<'_>, Result<Snapshot>) {
    tokio::time::sleep(pause).await;
    let looked = source.look().await;
    (source, looked)
}

async fn live(source: Source<'_>, first: Snapshot, pause: Duration) -> Result<()> {
    let stop = shutdown::token()?;
    let mut terminal = ratatui::try_init().context("This terminal cannot be drawn on")?;
    let (tell, mut keys) = mpsc::channel(16);
    let listening = std::thread::spawn(move || listen(tell));
    let mut view = View::new(first);
    let mut looking = Box::pin(again(source, pause));
    let ended = loop {
        if let Err(error) = terminal.draw(|frame| view::draw(frame, &view)) {
            break Err(error.into());
        }
        tokio::select! {
            () = stop.cancelled() => break Ok(()),
            key = keys.recv() => match key {
                None | Some(Key::Quit) => break Ok(()),
                Some(key) => view.turn(key),
            },
            (source, looked) = &mut looking => {
                view.renew(looked);
                looking = Box::pin(again(source, pause));
            }
        }
    };
    ratatui::restore();
    keys.close();
    let _ = listening.join();
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyEvent;

    #[test]
    fn keys_mean_what_the_last_line_says() {
        let press = |code| key_of(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        assert_eq!(press(KeyCode::Char('q')), Some(Key::Quit));
        assert_eq!(press(KeyCode::Down), Some(Key::Down));
        assert_eq!(press(KeyCode::Right), Some(Key::Next));
        assert_eq!(press(KeyCode::Char('c')), None);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(key_of(&Event::Key(interrupt)), Some(Key::Quit));
        assert_eq!(key_of(&Event::Resize(1, 1)), Some(Key::Redraw));
    }
}
