//! Pictures in rows and columns, with labels: what was drawn with which setting, or at which step.

use anyhow::{Result, ensure};
use image::{Rgb, RgbImage, imageops};

use super::palette::{DARK, Rgb as Colour};
use super::plot::{Align, Canvas};

/// Pictures of about one size with labels at their columns and rows.
#[derive(Clone, Debug, Default)]
pub struct PictureTable {
    pub title: String,
    /// Below the title, fainter.
    pub remark: String,
    /// What the columns' labels are of; empty: not said.
    pub across: String,
    /// What the rows' labels are of.
    pub down: String,
    pub columns: Vec<String>,
    pub rows: Vec<String>,
    /// As many rows, and in each as many pictures, as there are labels.
    pub cells: Vec<Vec<RgbImage>>,
}

/// Font sizes and heights of lines of text, in pixels.
const TITLE: f64 = 17.0;
const LABEL: f64 = 14.0;
const TITLE_LINE: u32 = 26;
const LINE: u32 = 20;
/// Dark pixels around all, between cells, and between a label and what it is of.
const EDGE: u32 = 12;
const GAP: u32 = 4;
const NEAR: u32 = 8;

impl PictureTable {
    /// Draws it. Each column is as wide as its widest picture or label, each row as high as its highest.
    ///
    /// # Errors
    /// When cells are missing, or the font can't be read.
    pub fn to_image(&self) -> Result<RgbImage> {
        let fits = self.cells.len() == self.rows.len() && self.cells.iter().all(|row| row.len() == self.columns.len());
        ensure!(fits, "a table of {} rows and {} columns lacks cells", self.rows.len(), self.columns.len());
        let (left, top) = self.corner()?;
        let cell = self.cells.iter().flatten().fold((1, 1), |(w, h), picture| {
            let (pw, ph) = picture.dimensions();
            (w.max(pw), h.max(ph))
        });
        let mut label = 0;
        for column in &self.columns {
            label = label.max(width(column, LABEL)?);
        }
        let (pitch, row_height) = (cell.0.max(label + NEAR) + GAP, cell.1.max(LINE) + GAP);
        let heads = width(&self.title, TITLE)?.max(width(&self.remark, LABEL)?).max(width(&self.across, LABEL)? + left);
        let size = (
            (left + self.columns.len() as u32 * pitch - GAP + EDGE).max(heads + 2 * EDGE),
            top + self.rows.len() as u32 * row_height - GAP + EDGE,
        );
        let mut out = RgbImage::from_pixel(size.0, size.1, Rgb(DARK.background));
        let mut y = EDGE;
        for (text, font, colour, line) in
            [(&self.title, TITLE, DARK.text, TITLE_LINE), (&self.remark, LABEL, DARK.dim, LINE)]
        {
            if !text.is_empty() {
                put(&mut out, &line_of(text, font, colour)?, EDGE, y);
                y += line;
            }
        }
        if !self.across.is_empty() {
            put(&mut out, &line_of(&self.across, LABEL, DARK.dim)?, left, y);
        }
        if !self.down.is_empty() {
            put(&mut out, &line_of(&self.down, LABEL, DARK.dim)?, EDGE, top - LINE);
        }
        for (x, column) in self.columns.iter().enumerate() {
            let text = line_of(column, LABEL, DARK.text)?;
            let from = left + x as u32 * pitch + (pitch - GAP).saturating_sub(text.width()) / 2;
            put(&mut out, &text, from, top - LINE);
        }
        for (row, (label, pictures)) in self.rows.iter().zip(&self.cells).enumerate() {
            let y = top + row as u32 * row_height;
            let text = line_of(label, LABEL, DARK.text)?;
            let from = left.saturating_sub(NEAR + text.width());
            put(&mut out, &text, from, y + (row_height - GAP).saturating_sub(LINE) / 2);
            for (x, picture) in pictures.iter().enumerate() {
                let from = left + x as u32 * pitch + (pitch - GAP - picture.width()) / 2;
                put(&mut out, picture, from, y + (row_height - GAP - picture.height()) / 2);
            }
        }
        Ok(out)
    }

    /// Where the first cell begins.
    fn corner(&self) -> Result<(u32, u32)> {
        let mut widest = width(&self.down, LABEL)?;
        for row in &self.rows {
            widest = widest.max(width(row, LABEL)?);
        }
        let left = EDGE + if widest == 0 { 0 } else { widest + NEAR };
        let heads = [(&self.title, TITLE_LINE), (&self.remark, LINE), (&self.across, LINE)];
        let top: u32 = heads.iter().filter(|(text, _)| !text.is_empty()).map(|(_, line)| line).sum();
        Ok((left, EDGE + top + LINE))
    }
}

/// A picture with a line of text above it, `width` pixels wide at least; all of one text's length or shorter have one size.
///
/// # Errors
/// When the font can't be read.
pub fn captioned(picture: &RgbImage, title: &str, remark: &str, least_width: u32) -> Result<RgbImage> {
    let size = (picture.width().max(least_width) + 2 * EDGE, picture.height() + TITLE_LINE + LINE + 2 * EDGE);
    let mut out = RgbImage::from_pixel(size.0, size.1, Rgb(DARK.background));
    put(&mut out, &line_of(title, TITLE, DARK.text)?, EDGE, EDGE);
    put(&mut out, &line_of(remark, LABEL, DARK.dim)?, EDGE, EDGE + TITLE_LINE);
    put(&mut out, picture, EDGE, EDGE + TITLE_LINE + LINE);
    Ok(out)
}

/// One line of text on the background.
fn line_of(text: &str, font: f64, colour: Colour) -> Result<RgbImage> {
    let mut canvas = Canvas::new(width(text, font)?.max(1), LINE.max(font as u32 + 4), DARK.background)?;
    canvas.text(text, 0.0, f64::from(LINE) / 2.0, font, colour, Align::Left)?;
    canvas.finish()
}

/// Pixels that a text takes.
fn width(text: &str, font: f64) -> Result<u32> {
    match text {
        "" => Ok(0),
        text => Ok(Canvas::new(1, 1, DARK.background)?.text_width(text, font).ceil() as u32 + 1),
    }
}

fn put(out: &mut RgbImage, picture: &RgbImage, x: u32, y: u32) {
    imageops::replace(out, picture, i64::from(x), i64::from(y));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(level: u8, side: u32) -> RgbImage {
        RgbImage::from_pixel(side, side, Rgb([level; 3]))
    }

    fn table() -> PictureTable {
        let cells = (0..2).map(|row| (0..3).map(|column| flat(40 * (1 + row * 3 + column), 60)).collect()).collect();
        PictureTable {
            columns: ["0", "1", "3"].map(String::from).to_vec(),
            rows: ["a", "b"].map(String::from).to_vec(),
            cells,
            ..PictureTable::default()
        }
    }

    #[test]
    fn cells_stand_in_rows_and_columns_behind_their_labels() {
        let plain = table();
        let picture = plain.to_image().unwrap();
        let (left, top) = plain.corner().unwrap();
        assert_eq!(top, EDGE + LINE);
        assert_eq!(picture.dimensions(), (left + 3 * 64 - GAP + EDGE, top + 2 * 64 - GAP + EDGE));
        for row in 0..2u32 {
            for column in 0..3u32 {
                let at = |x: u32, y: u32| picture.get_pixel(left + column * 64 + x, top + row * 64 + y).0;
                let level = 40 * (1 + row * 3 + column) as u8;
                assert_eq!((at(0, 0), at(59, 59)), ([level; 3], [level; 3]));
                assert_ne!(at(60, 0), [level; 3], "a gap");
            }
        }
        let inked = |picture: &RgbImage, (x, y): (u32, u32), (w, h): (u32, u32)| {
            (x..x + w).any(|x| (y..y + h).any(|y| picture.get_pixel(x, y).0[0] > 150))
        };
        assert!(inked(&picture, (left, EDGE), (60, LINE)), "a column's label stands above it");
        assert!(inked(&picture, (EDGE, top + 64), (left - EDGE, 60)), "a row's label stands before it");
    }

    #[test]
    fn a_title_and_long_labels_make_room_for_themselves() {
        let plain = table().to_image().unwrap();
        let long = "a title that is a good deal longer than three pictures of sixty pixels are wide";
        let titled = PictureTable { title: long.into(), remark: "remark".into(), ..table() }.to_image().unwrap();
        assert_eq!(titled.height(), plain.height() + TITLE_LINE + LINE);
        assert!(titled.width() > plain.width());
        let mut wide = table();
        wide.columns[1] = "guidance_scale=3".into();
        assert!(wide.to_image().unwrap().width() > plain.width() + 3 * 30);
        assert!(PictureTable { rows: vec![], ..table() }.to_image().is_err());
    }

    #[test]
    fn captions_of_one_picture_have_one_size() {
        let one = captioned(&flat(9, 50), "step 1", "ddim", 200).unwrap();
        let other = captioned(&flat(9, 50), "step 1,000,000", "ddim", 200).unwrap();
        assert_eq!(one.dimensions(), (200 + 2 * EDGE, 50 + TITLE_LINE + LINE + 2 * EDGE));
        assert_eq!(one.dimensions(), other.dimensions());
        assert_eq!(one.get_pixel(EDGE, EDGE + TITLE_LINE + LINE).0, [9; 3]);
    }
}
