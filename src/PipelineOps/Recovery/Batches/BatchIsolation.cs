using System.Numerics;

namespace PipelineOps;

/// <summary>
/// The search for the bad records of one batch that failed as a whole. Says which records to call next and draws the conclusions; the calls are its caller's.
/// Not thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// Generalised binary splitting (F. K. Hwang, "A Method for Detecting All Defective Members in a Population by Group Testing", 1972) from left to right: of
/// records that failed together the left half is called. Its success proves, without a call, that a bad record is on the right; its failure leaves the
/// right half for later. So every call begins where the last success or conviction ended, records succeed in their order, and none succeeds twice. How many
/// bad records there are need not be known: the next group's size follows the share seen so far.
/// </para>
/// <para>
/// A record is convicted by one failed call of it alone, and by nothing else; one that only the success of the others pointed to is called alone first, and
/// if that succeeds, what failed before was transient. Nothing is convicted before some call has succeeded: the first suspects are held back
/// and the records after them called one by one, <see cref="BatchOptions.Witnesses"/> of them; one success convicts the suspects, none ends the search as
/// <see cref="IsolationOutcome.Systemic"/>.
/// </para>
/// <para>
/// Calls, counting the failed one of the whole batch: with k bad records of n, at most k · (log2(n/k) + 5) + 12 where k is at least 1 and at most n/10, and
/// never more than 2n + 2, wherever the bad ones are; the worst layouts were computed for batches of up to 10,000 and 1,000 records. A call that fails for
/// no lasting reason counts as one more bad record. One bad record of 1,000 takes 13 calls on average.
/// </para>
/// <example>
/// <code>
/// var isolation = new BatchIsolation(records.Count);
/// while (isolation.TryGetNext(out int start, out int length))
/// {
///     try
///     {
///         await LoadAsync(records.GetRange(start, length));
///         isolation.Succeeded();
///     }
///     catch (Exception exception)
///     {
///         if (length == 1)
///             own[start] = exception;
///         isolation.Failed(isSystemic: exception is OperationCanceledException);
///     }
/// }
///
/// foreach (int record in isolation.Poison)
///     Quarantine(records[record], own[record]);
/// GiveBack(records[isolation.Settled..]);
/// </code>
/// </example>
/// </remarks>
public sealed class BatchIsolation
{
    private readonly TimeProvider _timeProvider;
    private readonly long _started;
    private readonly int _maxCalls;
    private readonly TimeSpan? _timeout;
    private readonly int? _maxSkipped;
    private readonly double? _maxSkippedRatio;
    private readonly int _witnesses;
    private readonly List<int> _poison = [];
    private readonly List<int> _suspects = [];
    private bool _anySucceeded;

    // Bad records, and failures that turned out transient: both are reasons to expect more of the kind.
    private int _faults;

    // The next call begins here. Everything before succeeded, was convicted or is held back.
    private int _position;

    // Some record from the position up to here is bad; nothing is known if this is the position.
    private int _contaminatedEnd;

    // Of the call that is under way; zero if none is.
    private int _length;

    /// <summary>Begins the search.</summary>
    /// <param name="count">How many records the batch has, at least 1. The call of all of them has failed.</param>
    /// <param name="options">The limits; the defaults when <see langword="null"/>. Copied.</param>
    /// <param name="timeProvider">The clock of <see cref="BatchOptions.IsolationTimeout"/>, which begins now; the system's when <see langword="null"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is less than 1.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public BatchIsolation(int count, BatchOptions? options = null, TimeProvider? timeProvider = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        options ??= new BatchOptions();
        var problems = new OptionsProblems();
        options.Validate(problems, string.Empty);
        problems.ThrowIfAny();

        Count = count;
        _maxCalls = options.MaxIsolationCalls ?? int.MaxValue;
        _timeout = options.IsolationTimeout;
        _maxSkipped = options.MaxSkipped;
        _maxSkippedRatio = options.MaxSkippedRatio;
        _witnesses = options.Witnesses;
        _timeProvider = timeProvider ?? TimeProvider.System;
        _started = _timeProvider.GetTimestamp();
        _contaminatedEnd = count;

        // The failed call was this record's own, and no other record can bear witness.
        if (count == 1)
        {
            _suspects.Add(0);
            Outcome = IsolationOutcome.Systemic;
        }
    }

    /// <summary>How many records the batch has.</summary>
    public int Count { get; }

    /// <summary>Whether the search goes on, and if not, why it ended.</summary>
    public IsolationOutcome Outcome { get; private set; }

    /// <summary>How many calls have ended, the failed one of the whole batch included.</summary>
    public int Calls { get; private set; } = 1;

    /// <summary>
    /// How many records, from the first, have their verdict: those in <see cref="Poison"/> are bad, the others have succeeded, once each. The records from
    /// here on have not, and none of them has succeeded: once the search has ended they are what is left of the batch, whole and in order.
    /// </summary>
    public int Settled => _suspects.Count > 0 ? _suspects[0] : _position;

    /// <summary>
    /// The indices of the bad records, ascending; only ever appended to, by <see cref="Succeeded"/> as well as by <see cref="Failed"/>. Each one had
    /// exactly one failed call of it alone, whose error is its own.
    /// </summary>
    public IReadOnlyList<int> Poison => _poison;

    /// <summary>
    /// The indices, ascending, of records that failed alone without being convicted; each one had exactly one failed call of it alone, whose error is its
    /// own. While the search goes on they wait for a witness. Once it has ended they begin the rest, the records from <see cref="Settled"/> on: the one too
    /// many for the skip limit, or the first of a batch of which none succeeded. When these are the whole batch there was nobody to bear witness, and only
    /// the errors themselves can tell: where each is of a kind that the record is to blame for, the caller may convict them all.
    /// </summary>
    public IReadOnlyList<int> Suspects => _suspects;

    /// <summary>
    /// The records to call next. Tell how the call ended by <see cref="Succeeded"/> or <see cref="Failed"/>; asked again before that, the answer is the same.
    /// </summary>
    /// <param name="start">The index of the first one.</param>
    /// <param name="length">
    /// How many. If it is one, a failure is the record's own: keep its error until the record is in <see cref="Poison"/> or the search has ended.
    /// </param>
    /// <returns><see langword="false"/> if the search has ended, see <see cref="Outcome"/>.</returns>
    public bool TryGetNext(out int start, out int length)
    {
        if (Outcome == IsolationOutcome.Searching && _length == 0)
        {
            if (Calls >= _maxCalls)
                Outcome = IsolationOutcome.CallBudgetSpent;
            else if (_timeProvider.GetElapsedTime(_started) >= _timeout)
                Outcome = IsolationOutcome.DeadlinePassed;
            else
                _length = NextLength();
        }

        (start, length) = (_position, _length);
        return length > 0;
    }

    /// <summary>The call of the records that <see cref="TryGetNext"/> named has succeeded. Convicts the suspects that were held back.</summary>
    /// <exception cref="InvalidOperationException">No call is under way.</exception>
    public void Succeeded()
    {
        int length = EndCall();

        // All that was left of records that had failed together: that failure was transient.
        if (length == _contaminatedEnd - _position)
            _faults++;

        _position += length;
        _contaminatedEnd = Math.Max(_contaminatedEnd, _position);
        _anySucceeded = true;
        ConvictSuspects();
        if (_position == Count)
            Outcome = IsolationOutcome.Completed;
    }

    /// <summary>The call of the records that <see cref="TryGetNext"/> named has failed.</summary>
    /// <param name="isSystemic">
    /// Whether the caller knows that no record is to blame, because the circuit is open or the run was cancelled. Ends the search at once.
    /// </param>
    /// <exception cref="InvalidOperationException">No call is under way.</exception>
    public void Failed(bool isSystemic = false)
    {
        int length = EndCall();
        if (isSystemic)
            Outcome = IsolationOutcome.Systemic;
        else if (length > 1)
            _contaminatedEnd = _position + length;
        else
            Suspect();
    }

    private void Suspect()
    {
        _faults++;
        _suspects.Add(_position);

        // It explains the failures so far: nothing is known of the records behind it.
        _contaminatedEnd = ++_position;
        if (ExceedsSkipLimit(_poison.Count + _suspects.Count))
            Outcome = IsolationOutcome.SkipLimitReached;
        else if (_anySucceeded)
        {
            ConvictSuspects();
            if (_position == Count)
                Outcome = IsolationOutcome.Completed;
        }
        else if (_suspects.Count > _witnesses || _position == Count)
            Outcome = IsolationOutcome.Systemic;
    }

    private int NextLength() => (_contaminatedEnd - _position) switch
    {
        0 => _suspects.Count > 0 ? 1 : GroupLength(),
        1 => 1,
        int contaminated => contaminated / 2,
    };

    // The size at which a group is as likely to hold a bad record as not, rounded down to a power of two, which halves evenly.
    private int GroupLength()
    {
        // Where more than 3 in 10 are bad, groups cost more than they save; the first few prove nothing yet.
        if (_faults >= 8 && _faults > 0.3 * _position)
            return 1;

        int rest = Count - _position;

        // Half the batch more than was seen: a bad record near the start is no sign that the rest is like it.
        double even = Math.Log(2) * (_position + Count / 2.0) / _faults;
        return even >= rest ? rest : 1 << BitOperations.Log2((uint)Math.Max(1, even));
    }

    private bool ExceedsSkipLimit(int skipped) => skipped > _maxSkipped || (double)skipped / Count > _maxSkippedRatio;

    private void ConvictSuspects()
    {
        _poison.AddRange(_suspects);
        _suspects.Clear();
    }

    private int EndCall()
    {
        if (_length == 0)
            throw new InvalidOperationException($"No call is under way: ask {nameof(TryGetNext)} for the records to call first, and report each call once.");

        int length = _length;
        _length = 0;
        Calls++;
        return length;
    }
}
