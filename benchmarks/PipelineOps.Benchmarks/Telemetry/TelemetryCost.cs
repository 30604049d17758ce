namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>The medians of rounds in which the sides take turns, and of several processes: how the compiler lays a loop out differs from one to the next by some nanoseconds.</summary>
/// <param name="Nanoseconds">Ours, per call.</param>
/// <param name="Extra">How much longer ours takes than the engine without telemetry: the median of the rounds' differences.</param>
/// <param name="Bytes">What ours allocates per call.</param>
/// <param name="HandNanoseconds">What is written by hand, per call.</param>
/// <param name="Ratio">Ours to what is written by hand: the median of the rounds' ratios.</param>
/// <param name="HandBytes">What is written by hand allocates per call.</param>
internal sealed record TelemetryCost(double Nanoseconds, double Extra, double Bytes, double HandNanoseconds, double Ratio, double HandBytes)
{
    private const int Processes = 5;
    private const int Rounds = 9;

    public static TelemetryCost Of(string listening)
    {
        TelemetryCost[] costs = [.. Enumerable.Range(0, Processes).Select(_ => OfOnePair(listening))];
        return new(
            Median(costs.Select(static cost => cost.Nanoseconds)),
            Median(costs.Select(static cost => cost.Extra)),
            costs.Max(static cost => cost.Bytes),
            Median(costs.Select(static cost => cost.HandNanoseconds)),
            Median(costs.Select(static cost => cost.Ratio)),
            costs.Max(static cost => cost.HandBytes));
    }

    private static TelemetryCost OfOnePair(string listening)
    {
        // Whether the library measures at all is decided once in a process. New processes for each case, because what the compiler has learnt from one would
        // change the next.
        using var with = new MeasuringProcess(listening, isSupported: true);
        using var without = new MeasuringProcess(listening, isSupported: false);
        Turn ours = new(with, CallSide.Ours);
        Turn hand = new(without, CallSide.Hand);
        Turn bare = new(without, CallSide.Bare);
        Turn[] turns = [ours, hand, bare];
        for (int round = 0; round < Rounds; round++)
        {
            // Who goes first changes too.
            for (int i = 0; i < turns.Length; i++)
                turns[(round + i) % turns.Length].Take();
        }

        return new(
            Median(ours.Times),
            Median(ours.Times.Zip(bare.Times, static (ours, bare) => ours - bare)),
            ours.Bytes(),
            Median(hand.Times),
            Median(ours.Times.Zip(hand.Times, static (ours, hand) => ours / hand)),
            hand.Bytes());
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>One side, in the process that runs it.</summary>
    private sealed class Turn(MeasuringProcess process, CallSide side)
    {
        private readonly int _calls = process.Calibrate(side);

        public List<double> Times { get; } = [];

        public void Take() => Times.Add(process.Time(side, _calls));

        public double Bytes() => process.Bytes(side, _calls);
    }
}
