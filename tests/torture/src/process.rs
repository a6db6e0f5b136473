//! Children whose lines are read, and that are killed.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;

use kvstore_tests::{FAR, TestResult};

/// A child whose standard output is read line by line. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    // Not left in `child`, which closes it before it waits: after a kill, children of the child may still read from it.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    reader: Option<JoinHandle<io::Result<()>>>,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// Where it can't be started.
    pub fn start(command: &mut Command) -> TestResult<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn()?;
        let input = child.stdin.take();
        let (send, lines) = mpsc::channel();
        let output = child.stdout.take().ok_or("no standard output")?;
        let mut errors = child.stderr.take().ok_or("no standard error")?;
        let reader = std::thread::spawn(move || read_lines(output, &send));
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What can't be read of it is no reason to fail.
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self { child, input, lines, reader: Some(reader), complaints: Some(complaints) })
    }

    /// The next line, without its end; `None` when there are no more. A line that was cut by a kill is none.
    ///
    /// # Errors
    /// Where nothing comes for [`FAR`]: it hangs.
    pub fn next_line(&mut self) -> TestResult<Option<String>> {
        match self.lines.recv_timeout(FAR) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(format!("a child hangs: process {}", self.child.id()).into()),
        }
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn tell(&mut self, line: impl Display) -> TestResult {
        let input = self.input.as_mut().ok_or("its input was closed")?;
        Ok(input.write_all(format!("{line}\n").as_bytes())?)
    }

    /// The answer to a line.
    ///
    /// # Errors
    /// Where it ends without one.
    pub fn ask(&mut self, line: impl Display) -> TestResult<String> {
        self.tell(line)?;
        self.answer()
    }

    /// The next line, of a child that must write one.
    ///
    /// # Errors
    /// Where it ends without one.
    pub fn answer(&mut self) -> TestResult<String> {
        match self.next_line()? {
            Some(line) => Ok(line),
            None => Err(format!("a child ended: {}", self.wait()?.1).into()),
        }
    }

    /// Lets its standard input end.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A line that is there already.
    pub fn try_next_line(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Kills it with SIGKILL, and waits for its end. Its last lines can still be read.
    ///
    /// # Errors
    /// Where it can't be killed.
    pub fn kill(&mut self) -> TestResult {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end, and answers what it wrote to its standard error, too. To be called when it has no more lines.
    ///
    /// # Errors
    /// Where its output could not be read.
    pub fn wait(&mut self) -> TestResult<(ExitStatus, String)> {
        self.close_input();
        let status = self.child.wait()?;
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| "the reader of lines panicked")??;
        }
        let complaints = self.complaints.take().map(JoinHandle::join).transpose().map_err(|_| "a reader panicked")?;
        Ok((status, complaints.unwrap_or_default()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(output: ChildStdout, send: &mpsc::Sender<String>) -> io::Result<()> {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        output.read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\n") else { return Ok(()) };
        if send.send(String::from_utf8_lossy(line).into_owned()).is_err() {
            return Ok(());
        }
    }
}
