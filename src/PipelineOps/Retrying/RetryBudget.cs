namespace PipelineOps;

/// <summary>
/// Limits retries to what successes have paid for: a bucket of tokens that a success fills a little and a retry empties by one. Thread-safe
/// and exact. Share one between the stages that call one dependency.
/// </summary>
/// <remarks>
/// <para>
/// Successes fund it, as in gRPC (proposal A6, "gRPC Retry Design") and in the standard retry mode of the AWS SDKs, because a budget that every
/// request funds keeps paying while nothing succeeds: retries then add a share r to the load for as long as an outage lasts, and the overload
/// only ends if the dependency was used below 1/(1+r) of its capacity (91 % for r = 0.1, 83 % for r = 0.2). This one runs dry instead, whatever the
/// utilisation: without success, there are no more retries than the balance held.
/// </para>
/// <para>The default 0.1 tokens allow one retry for ten successes: rare errors are all retried, frequent ones add a tenth to the load at most.</para>
/// </remarks>
public sealed class RetryBudget
{
    // Whole millionths of a token, so that any number of deposits adds up without rounding.
    private const long UnitsPerToken = 1_000_000;

    private const double LargestTokens = 1_000_000_000;

    private readonly long _maxUnits;
    private readonly long _unitsPerSuccess;
    private long _units;

    /// <summary>Creates a budget. Amounts are rounded to a millionth of a token.</summary>
    /// <param name="maxTokens">The most that it holds, from 1 to 1,000,000,000. Default: 100.</param>
    /// <param name="tokensPerSuccess">What a success adds, from 0 (a fixed allowance that is never refunded) to 1,000,000,000. Default: 0.1.</param>
    /// <param name="initialTokens">What it holds at first, from 0 to <paramref name="maxTokens"/>. Every process that starts has this many retries at hand before its first success. Default: 10.</param>
    /// <exception cref="InvalidOptionsException">A parameter is out of range; all that are, are listed.</exception>
    public RetryBudget(double maxTokens = 100, double tokensPerSuccess = 0.1, double initialTokens = 10)
    {
        var problems = new OptionsProblems();
        problems.Require(maxTokens is >= 1 and <= LargestTokens, nameof(maxTokens), maxTokens, "from 1 to 1,000,000,000");
        problems.Require(tokensPerSuccess is >= 0 and <= LargestTokens, nameof(tokensPerSuccess), tokensPerSuccess, "from 0 to 1,000,000,000");
        problems.Require(initialTokens >= 0 && initialTokens <= maxTokens, nameof(initialTokens), initialTokens, "from 0 to maxTokens");
        problems.ThrowIfAny();

        _maxUnits = UnitsOf(maxTokens);
        _unitsPerSuccess = UnitsOf(tokensPerSuccess);
        _units = UnitsOf(initialTokens);
    }

    /// <summary>What it holds now, from 0 to the maximum.</summary>
    public double Tokens => Volatile.Read(ref _units) / (double)UnitsPerToken;

    /// <summary>Adds what a success is worth, up to the maximum.</summary>
    public void Deposit()
    {
        // A full budget is only read: the successes of a healthy stage never contend for it.
        long units = Volatile.Read(ref _units);
        while (units < _maxUnits)
        {
            long seen = Interlocked.CompareExchange(ref _units, Math.Min(_maxUnits, units + _unitsPerSuccess), units);
            if (seen == units)
                return;
            units = seen;
        }
    }

    /// <summary>Takes one token for one retry. Ask before the delay, not after it.</summary>
    /// <returns><see langword="false"/>, and nothing is taken, if less than one token is left.</returns>
    public bool TryWithdraw()
    {
        long units = Volatile.Read(ref _units);
        while (units >= UnitsPerToken)
        {
            long seen = Interlocked.CompareExchange(ref _units, units - UnitsPerToken, units);
            if (seen == units)
                return true;
            units = seen;
        }

        return false;
    }

    private static long UnitsOf(double tokens) => (long)Math.Round(tokens * UnitsPerToken);
}
