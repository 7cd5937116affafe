//! How a frame is drawn.
use super::gather::{Section, Snapshot};
use super::Key;
use anyhow::Result;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table, TableState};
use ratatui::Frame;

/// Lines of a section beside its rows: its name, and the names of its columns.
const AROUND: u16 = 2;
/// Lines that a section keeps where there is no room for all.
const LEAST: u16 = AROUND + 1;
/// Columns between two columns of a table.
const GAP: u16 = 2;
/// The shortest text that is taken for an address.
const ADDRESS: usize = 32;

/// What is drawn.
pub struct View {
    snapshot: Snapshot,
    /// The section that keys move in.
    selected: usize,
    /// Its first row that is shown.
    first: usize,
    /// Why the numbers are old.
    note: Option<String>,
}

impl View {
    /// A view of the beginning.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            selected: 0,
            first: 0,
            note: None,
        }
    }

    /// Lines that all of it takes.
    pub fn height(&self) -> u16 {
        let sections = self.snapshot.sections.iter().map(wanted);
        let sections = sections.fold(0u16, |sum, one| sum.saturating_add(one));
        self.head_height()
            .saturating_add(sections)
            .saturating_add(1)
    }

    fn head_height(&self) -> u16 {
        u16::try_from(self.snapshot.head.len()).unwrap_or(u16::MAX)
    }

    /// Obeys a key.
    pub fn turn(&mut self, key: Key) {
        let count = self.snapshot.sections.len().max(1);
        let selected = match key {
            Key::Next => (self.selected + 1) % count,
            Key::Previous => (self.selected + count - 1) % count,
            Key::Down => return self.first = (self.first + 1).min(self.last_row()),
            Key::Up => return self.first = self.first.saturating_sub(1),
            Key::Redraw | Key::Quit => return,
        };
        self.selected = selected;
        self.first = 0;
    }

    fn last_row(&self) -> usize {
        let rows = self.snapshot.sections.get(self.selected);
        rows.map_or(0, |section| section.rows.len().saturating_sub(1))
    }

    /// Shows what was found, or goes on showing what was found before and says why.
    pub fn renew(&mut self, found: Result<Snapshot>) {
        match found {
            Ok(snapshot) => {
                self.snapshot = snapshot;
                self.note = None;
                self.first = self.first.min(self.last_row());
            }
            Err(error) => self.note = Some(format!("{error:#}")),
        }
    }
}

/// Lines that a section would take.
fn wanted(section: &Section) -> u16 {
    let rows = u16::try_from(section.rows.len().max(1)).unwrap_or(u16::MAX);
    rows.saturating_add(AROUND)
}

/// Lines for each section: what all want if there is room, else the selected one has what the others leave.
fn heights(wanted: &[u16], selected: usize, room: u16) -> Vec<u16> {
    let sum = |all: &[u16]| all.iter().fold(0u16, |sum, one| sum.saturating_add(*one));
    let mut heights = wanted.to_vec();
    if sum(&heights) <= room {
        return heights;
    }
    for (i, height) in heights.iter_mut().enumerate() {
        if i != selected {
            *height = (*height).min(LEAST);
        }
    }
    let others = sum(&heights) - heights.get(selected).copied().unwrap_or_default();
    if let Some(height) = heights.get_mut(selected) {
        *height = room.saturating_sub(others).min(*height);
    }
    heights
}

/// Draws a frame.
pub fn draw(frame: &mut Frame, view: &View) {
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(view.head_height()),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let names = view.snapshot.head.iter().map(|(name, _)| name.len()).max();
    let names = names.unwrap_or_default();
    let lines = view.snapshot.head.iter().map(|(name, cell)| {
        let name = format!("{:<names$}  ", name.replace('_', " "));
        let dim = Style::default().add_modifier(Modifier::DIM);
        Line::from(vec![Span::styled(name, dim), Span::raw(cell.text())])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), head);

    let sections = &view.snapshot.sections;
    let wanted: Vec<u16> = sections.iter().map(wanted).collect();
    let heights = heights(&wanted, view.selected, body.height);
    let mut y = body.y;
    for (i, (section, height)) in sections.iter().zip(heights).enumerate() {
        let room = body.bottom().saturating_sub(y);
        let area = Rect {
            y,
            height: height.min(room),
            ..body
        };
        y = y.saturating_add(area.height);
        let selected = i == view.selected;
        let first = if selected { view.first } else { 0 };
        draw_section(frame, section, area, selected, first);
    }
    let foot_text = match &view.note {
        Some(note) => Line::styled(note.as_str(), Style::default().add_modifier(Modifier::BOLD)),
        None => Line::from("q quits, left and right choose a table, up and down move in it"),
    };
    frame.render_widget(Paragraph::new(foot_text), foot);
}

fn draw_section(frame: &mut Frame, section: &Section, area: Rect, selected: bool, first: usize) {
    let style = match selected {
        true => Style::default().add_modifier(Modifier::BOLD | Modifier::REVERSED),
        false => Style::default().add_modifier(Modifier::BOLD),
    };
    let title = format!(" {} {} ", section.name, section.rows.len());
    let block = Block::default()
        .borders(Borders::TOP)
        .title(Span::styled(title, style));
    if section.rows.is_empty() {
        return frame.render_widget(Paragraph::new(section.empty).block(block), area);
    }
    let widths = |short: bool| -> Vec<u16> {
        let columns = section.columns.iter().enumerate();
        columns
            .map(|(i, name)| {
                let cells = section.rows.iter().filter_map(|row| row.get(i));
                let texts = cells.map(|cell| shown(cell.text(), short).chars().count());
                let widest = texts.max().unwrap_or_default().max(name.len());
                u16::try_from(widest).unwrap_or(u16::MAX)
            })
            .collect()
    };
    let whole = widths(false);
    let needs = whole.iter().fold(0u16, |sum, width| {
        sum.saturating_add(*width).saturating_add(GAP)
    });
    let short = needs > area.width;
    let widths = if short { widths(true) } else { whole };
    let rows = section.rows.iter().map(|row| {
        let cells = row.iter().map(|cell| shown(cell.text(), short));
        Row::new(cells.collect::<Vec<_>>())
    });
    let head = section.columns.iter().map(|name| name.replace('_', " "));
    let head = Row::new(head.collect::<Vec<_>>());
    let dim = Style::default().add_modifier(Modifier::DIM);
    let table = Table::new(rows, widths.into_iter().map(Constraint::Length))
        .header(head.style(dim))
        .column_spacing(GAP)
        .block(block);
    let mut state = TableState::new().with_offset(first);
    frame.render_stateful_widget(table, area, &mut state);
}

/// A text, or the two ends of an address where room is scarce.
fn shown(text: &str, short: bool) -> String {
    let is_address = text.len() >= ADDRESS && text.bytes().all(|b| b.is_ascii_alphanumeric());
    match (
        short && is_address,
        text.get(..4),
        text.get(text.len().saturating_sub(4)..),
    ) {
        (true, Some(from), Some(to)) => format!("{from}..{to}"),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::gather::sample;
    use super::*;
    use ratatui::backend::TestBackend;
    use ratatui::Terminal;

    fn drawn(view: &View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let rows = buffer.content().chunks(usize::from(width));
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect())
            .collect()
    }

    fn has(lines: &[String], text: &str) -> bool {
        lines.iter().any(|line| line.contains(text))
    }

    #[test]
    fn all_of_a_frame_is_drawn_where_there_is_room() {
        let view = View::new(sample());
        let lines = drawn(&view, 100, view.height());
        let address = solana_address::Address::new_from_array([7; 32]).to_string();
        assert!(lines[0].starts_with("wallet") && lines[0].contains(&address));
        for text in [
            "nodes 1",
            "jobs 30",
            "seats 0",
            "No seat in a committee.",
            "q quits",
        ] {
            assert!(has(&lines, text), "{text}");
        }
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.contains("accepted"))
                .count(),
            31
        );
    }

    #[test]
    fn where_room_is_scarce_addresses_are_short_and_the_chosen_table_has_the_most_of_it() {
        let mut view = View::new(sample());
        let lines = drawn(&view, 40, 24);
        let jobs = |lines: &[String]| lines.iter().filter(|l| l.contains("accepted")).count() - 1;
        assert!(has(&lines[4..], "..") && !has(&lines[4..], &"U".repeat(9)));
        assert_eq!(jobs(&lines), 1);
        view.turn(Key::Next);
        let lines = drawn(&view, 40, 24);
        assert!(jobs(&lines) > 8, "{lines:#?}");
        assert!(has(&lines, "nodes 1") && has(&lines, "seats 0"));
    }

    #[test]
    fn keys_move_in_a_table_and_not_out_of_it() {
        let mut view = View::new(sample());
        view.turn(Key::Next);
        for _ in 0..50 {
            view.turn(Key::Down);
        }
        assert_eq!(view.first, 29);
        view.turn(Key::Up);
        assert_eq!(view.first, 28);
        let lines = drawn(&view, 100, 20);
        assert!(has(&lines, " 29 ") || has(&lines, "  29"), "{lines:#?}");
        view.turn(Key::Previous);
        view.turn(Key::Previous);
        assert_eq!((view.selected, view.first), (2, 0));
        view.turn(Key::Down);
        assert_eq!(view.first, 0);
    }

    #[test]
    fn a_look_that_fails_keeps_the_numbers_and_says_why() {
        let mut view = View::new(sample());
        view.renew(Err(anyhow::anyhow!("The server does not answer")));
        let lines = drawn(&view, 100, 60);
        assert!(has(&lines, "The server does not answer") && has(&lines, "jobs 30"));
        view.renew(Ok(sample()));
        assert!(has(&drawn(&view, 100, 60), "q quits"));
    }

    #[test]
    fn nothing_breaks_in_the_smallest_terminal() {
        let view = View::new(sample());
        for (width, height) in [(1, 1), (3, 2), (10, 5), (80, 3)] {
            drawn(&view, width, height);
        }
    }
}
