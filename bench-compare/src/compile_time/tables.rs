//! What came out, as tables and a conclusion.

use super::generate::Variant;
use super::measure::{Build, Sample, Size};
use super::{Measured, Result};
use crate::report::{Spread, head, print_table};

/// What was measured, by variant and number of structs.
struct Figures<'a> {
    structs: &'a [usize],
    measured: &'a [Measured],
}

impl Figures<'_> {
    fn of(&self, variant: Variant, structs: usize) -> Option<&Measured> {
        self.measured.iter().find(|other| other.package.variant == variant && other.package.structs == structs)
    }

    fn spread(&self, variant: Variant, structs: usize, build: Build, of: fn(&Sample) -> f64) -> Spread {
        let place = Build::ALL.iter().position(|other| *other == build);
        let samples = self.of(variant, structs).zip(place).and_then(|(measured, place)| measured.samples.get(place));
        Spread::of(samples.into_iter().flatten().map(of))
    }

    fn size(&self, variant: Variant, structs: usize, of: fn(&(Size, Size)) -> Option<f64>) -> Option<f64> {
        of(self.of(variant, structs)?.sizes.as_ref()?)
    }

    fn fewest(&self) -> usize {
        self.structs.first().copied().unwrap_or_default()
    }

    fn most(&self) -> usize {
        self.structs.last().copied().unwrap_or_default()
    }

    /// What one struct more costs, by the smallest and the largest crate.
    fn slope(&self, of: impl Fn(usize) -> f64) -> f64 {
        (of(self.most()) - of(self.fewest())) / (self.most() - self.fewest()) as f64
    }

    /// Milliseconds for one struct more.
    fn millis(&self, variant: Variant, build: Build, of: fn(&Sample) -> f64) -> f64 {
        self.slope(|structs| self.spread(variant, structs, build, of).median * 1e3)
    }
}

fn wall(sample: &Sample) -> f64 {
    sample.wall
}

fn cpu(sample: &Sample) -> f64 {
    sample.cpu
}

fn titles(first: &str, others: impl Iterator<Item = String>) -> Vec<String> {
    [first.to_owned()].into_iter().chain(others).collect()
}

/// Prints all of it.
pub(super) fn print(structs: &[usize], rounds: usize, measured: &[Measured]) -> Result<()> {
    let figures = Figures { structs, measured };
    println!("{}\n", head()?);
    println!(
        "Crates of structs of ten fields of fourteen types. Each crate alone is compiled, after its source was touched, \
         {rounds} times in turns with the others; what it depends on is compiled before, kvstore without RocksDB. All but \
         the build after an edit are without the compiler's incremental memory. Medians, with quartiles in brackets; the \
         time of cargo and its children by the clock, and of all processors.\n"
    );
    print_largest(&figures);
    print_growth(&figures);
    print_sizes(&figures);
    conclude(&figures);
    Ok(())
}

fn print_largest(figures: &Figures<'_>) {
    let most = figures.most();
    println!("### {most} structs\n\nSeconds by the clock; processor seconds.\n");
    let rows = Variant::ALL.into_iter().map(|variant| {
        let cells = Build::ALL.into_iter().map(|build| {
            let (wall, cpu) = (figures.spread(variant, most, build, wall), figures.spread(variant, most, build, cpu));
            format!("{:.2} ({:.2} .. {:.2}); {:.2}", wall.median, wall.low, wall.high, cpu.median)
        });
        titles(variant.title(), cells)
    });
    print_table(
        &titles("crate", Build::ALL.into_iter().map(|build| build.title().to_owned())),
        &rows.collect::<Vec<_>>(),
    );
}

fn print_growth(figures: &Figures<'_>) {
    println!(
        "\n### By number of structs\n\nSeconds by the clock, and what one struct more takes; processor time of that.\n"
    );
    let mut rows = Vec::new();
    for build in Build::ALL {
        for variant in Variant::ALL {
            let mut row = vec![build.title().to_owned(), variant.title().to_owned()];
            row.extend(
                figures
                    .structs
                    .iter()
                    .map(|structs| format!("{:.2}", figures.spread(variant, *structs, build, wall).median)),
            );
            let (wall, cpu) = (figures.millis(variant, build, wall), figures.millis(variant, build, cpu));
            row.push(format!("{wall:.1} ms; {cpu:.1} ms"));
            rows.push(row);
        }
    }
    let head = ["command".to_owned(), "crate".to_owned()].into_iter();
    let numbers = figures.structs.iter().map(|structs| format!("{structs} structs"));
    print_table(&head.chain(numbers).chain(["one more".to_owned()]).collect::<Vec<_>>(), &rows);
}

fn print_sizes(figures: &Figures<'_>) {
    println!(
        "\n### Size\n\nOf the library of {} structs, and of what one struct more adds: the file, code and constants (`size`), \
         and functions (`nm`). A derive of serde makes generic code, which is nothing until it is used.\n",
        figures.most()
    );
    let mut rows = Vec::new();
    for (name, parts) in [("`build`", DEV), ("`build --release`", RELEASE)] {
        for variant in Variant::ALL {
            let cells = parts.into_iter().zip([1024.0, 1024.0, 1.0]).zip(["KiB", "KiB", ""]).map(|((of, by), unit)| {
                let at = |structs| figures.size(variant, structs, of).map(|size| size / by);
                match at(figures.most()) {
                    Some(size) => {
                        let more = figures.slope(|structs| at(structs).unwrap_or(f64::NAN));
                        format!("{size:.0} {unit}; {more:.1}")
                    }
                    None => "not known: no binutils".to_owned(),
                }
            });
            rows.push([name.to_owned(), variant.title().to_owned()].into_iter().chain(cells).collect());
        }
    }
    print_table(&["command", "crate", "file", "code", "functions"].map(str::to_owned), &rows);
}

type Part = fn(&(Size, Size)) -> Option<f64>;

const DEV: [Part; 3] = [|sizes| Some(sizes.0.file), |sizes| sizes.0.text, |sizes| sizes.0.functions];
const RELEASE: [Part; 3] = [|sizes| Some(sizes.1.file), |sizes| sizes.1.text, |sizes| sizes.1.functions];

fn conclude(figures: &Figures<'_>) {
    let each = |variant| Build::ALL.map(|build| figures.millis(variant, build, cpu));
    let list = |numbers: [f64; 4]| {
        let named = Build::ALL.iter().zip(numbers).map(|(build, millis)| format!("{millis:.0} ms ({})", build.title()));
        named.collect::<Vec<_>>().join(", ")
    };
    let less = |more: [f64; 4], less: [f64; 4]| {
        let mut difference = more;
        difference.iter_mut().zip(less).for_each(|(more, less)| *more -= less);
        difference
    };
    println!(
        "\nOne struct more takes this much processor time beyond that with serde's derive: {}. Where it is used, beyond the \
         same use with `cbor4ii` by hand: {}; of which the macro has this part, that beyond a `Map` of structs with serde's \
         derive: {}.",
        list(less(each(Variant::Store), each(Variant::Serde))),
        list(less(each(Variant::StoreUsed), each(Variant::SerdeUsed))),
        list(less(each(Variant::StoreUsed), each(Variant::MapUsed))),
    );
}
