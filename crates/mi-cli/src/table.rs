//! Tables for people: aligned columns, no lines.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell as Drawn, Color, ContentArrangement};

use crate::output::{Paint, Screen, Tone, clean};

/// One field, with what it says beside its words.
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub fn toned(text: impl ToString, tone: Tone) -> Self {
        // A field is one line.
        Self { text: clean(&text.to_string()).replace(['\n', '\t'], " "), tone }
    }

    /// A dash where there is nothing.
    pub fn maybe(text: Option<impl ToString>) -> Self {
        match text {
            Some(text) => Self::toned(text, Tone::Plain),
            None => Self::toned("-", Tone::Faint),
        }
    }

    fn draw(self, paint: Paint) -> Drawn {
        let drawn = Drawn::new(self.text);
        if paint == Paint::Plain {
            return drawn;
        }
        match self.tone {
            Tone::Plain => drawn,
            Tone::Good => drawn.fg(Color::DarkGreen),
            Tone::Bad => drawn.fg(Color::DarkRed),
            Tone::Busy => drawn.fg(Color::DarkCyan),
            Tone::Waiting => drawn.fg(Color::DarkYellow),
            Tone::Faint => drawn.add_attribute(Attribute::Dim),
            Tone::Strong => drawn.add_attribute(Attribute::Bold),
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Names and values, without a head line.
    pub fn of_facts() -> Self {
        Self::new(&[])
    }

    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    pub fn fact(&mut self, name: &str, value: impl Into<Cell>) {
        self.row([Cell::toned(name, Tone::Faint), value.into()]);
    }

    pub fn render(self, screen: Screen) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        if screen.paint == Paint::Colour {
            table.enforce_styling();
        }
        if screen.is_terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
        }
        if !self.heads.is_empty() {
            table.set_header(self.heads.iter().map(|head| Cell::toned(head, Tone::Strong).draw(screen.paint)));
        }
        for row in self.rows {
            table.add_row(row.into_iter().map(|cell| cell.draw(screen.paint)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(paint: Paint, expect: Expect) {
        let mut table = Table::new(&["ID", "TITLE", "STATUS"]);
        table.row([1.into(), "größer 漢字".into(), Cell::toned("done", Tone::Good)]);
        table.row([12.into(), "a\u{1b}[2J\nb".into(), Cell::maybe(None::<&str>)]);
        expect.assert_eq(&table.render(Screen { paint, is_terminal: false }).replace('\u{1b}', "^"));
    }

    #[test]
    fn columns_are_aligned_and_fields_are_tame() {
        check(
            Paint::Plain,
            expect![[r#"
            ID  TITLE        STATUS
            1   größer 漢字  done
            12  a[2J b       -
        "#]],
        );
    }

    #[test]
    fn tones_are_colours_where_there_are_any() {
        check(
            Paint::Colour,
            expect![[r#"
            ^[1mID  ^[0m^[1mTITLE        ^[0m^[1mSTATUS  ^[0m
            1   größer 漢字  ^[38;5;2mdone    ^[39m
            12  a[2J b       ^[2m-       ^[0m
        "#]],
        );
    }
}
