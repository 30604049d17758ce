using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace PipelineOps.Benchmarks.Comparison;

/// <summary>The scenarios of the comparison. Both sides get the same delegate with its state passed in, and the same thresholds.</summary>
internal static class Scenarios
{
    private const int MaxRetries = 3;
    private static readonly object State = new();
    private static readonly InvalidOperationException Failure = new("The dependency failed.");

    public static IEnumerable<Scenario> All()
    {
        yield return new("retry-breaker-sync", Sync(Stage()), Sync(Pipeline()));
        yield return new("full-sync", WithToken(Sync, Stage(full: true)), WithToken(Sync, Pipeline(full: true)));
        yield return new("retry-breaker-async", Async(Stage()), Async(Pipeline()));
        yield return new("full-async", WithToken(Async, Stage(full: true)), WithToken(Async, Pipeline(full: true)));
        yield return new("open-result", OpenResult(OpenStage()), OpenResult(OpenPipeline()));
        yield return new("open-throw", OpenThrow(OpenStage()), OpenThrow(OpenPipeline()));
        yield return new("retry-twice-result", RetryTwiceResult(Stage(zeroIsFailure: true)), RetryTwiceResult(PipelineWhereZeroIsFailure()));
        yield return new("retry-twice-throw", RetryTwiceThrow(Stage()), RetryTwiceThrow(Pipeline()));
        yield return new("contended-2-threads", Sync(Stage()), Sync(Pipeline()), Threads: 2);
        yield return Metered();
    }

    public static PipelineStage Stage(bool full = false, bool zeroIsFailure = false)
    {
        var options = new StageOptions
        {
            Retry = { MaxRetries = MaxRetries, Backoff = Backoff.None },
            CircuitBreaker = { FailureRatio = 1, MinimumThroughput = 100, WindowDuration = TimeSpan.FromSeconds(30) },
        };
        if (full)
        {
            options.TotalTimeout = TimeSpan.FromSeconds(30);
            options.AttemptTimeout = TimeSpan.FromSeconds(10);
        }

        if (zeroIsFailure)
            options.AddResultRule<int>(static value => value == 0 ? ErrorClassification.Transient : null);

        return PipelineStage.Create("benchmark", "stage", options);
    }

    private static PipelineStage OpenStage()
    {
        PipelineStage stage = PipelineStage.Create("benchmark", "stage", new StageOptions
        {
            Retry = { MaxRetries = MaxRetries, Backoff = Backoff.None },
            CircuitBreaker = { FailureRatio = 1, MinimumThroughput = 2, BreakDuration = TimeSpan.FromHours(1), MaxBreakDuration = TimeSpan.FromHours(1) },
        });
        while (stage.Circuit!.State == CircuitState.Closed)
            stage.TryExecuteAsync(static _ => throw Failure).AsTask().Wait();

        return stage;
    }

    /// <summary>Not bound to a type of result, as a stage is not; any exception but a cancellation is a failure on both sides.</summary>
    private static ResiliencePipeline Pipeline(bool full = false)
    {
        var builder = new ResiliencePipelineBuilder();
        if (full)
            builder.AddTimeout(TimeSpan.FromSeconds(30));

        builder.AddRetry(new RetryStrategyOptions { MaxRetryAttempts = MaxRetries, Delay = TimeSpan.Zero });
        builder.AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            FailureRatio = 1,
            MinimumThroughput = 100,
            SamplingDuration = TimeSpan.FromSeconds(30),
        });
        if (full)
            builder.AddTimeout(TimeSpan.FromSeconds(10));

        return builder.Build();
    }

    /// <summary>Bound to the type of result, and with the predicate written as its documentation advises for speed.</summary>
    private static ResiliencePipeline<int> PipelineWhereZeroIsFailure() =>
        new ResiliencePipelineBuilder<int>()
            .AddRetry(new RetryStrategyOptions<int>
            {
                ShouldHandle = static arguments => new ValueTask<bool>(arguments.Outcome.Result == 0),
                MaxRetryAttempts = MaxRetries,
                Delay = TimeSpan.Zero,
            })
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<int>
            {
                ShouldHandle = static arguments => new ValueTask<bool>(arguments.Outcome.Result == 0),
                FailureRatio = 1,
                MinimumThroughput = 100,
                SamplingDuration = TimeSpan.FromSeconds(30),
            })
            .Build();

    private static ResiliencePipeline OpenPipeline()
    {
        var state = new CircuitBreakerStateProvider();
        ResiliencePipeline pipeline = new ResiliencePipelineBuilder()
            .AddRetry(new RetryStrategyOptions
            {
                // Its default retries a rejection by its own breaker, which nobody wants and which ours does not do.
                ShouldHandle = static arguments => new ValueTask<bool>(arguments.Outcome.Exception is InvalidOperationException),
                MaxRetryAttempts = MaxRetries,
                Delay = TimeSpan.Zero,
            })
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                FailureRatio = 1,
                MinimumThroughput = 2,
                BreakDuration = TimeSpan.FromHours(1),
                StateProvider = state,
            })
            .Build();
        while (state.CircuitState == Polly.CircuitBreaker.CircuitState.Closed)
        {
            ResilienceContext context = ResilienceContextPool.Shared.Get();
            pipeline.ExecuteOutcomeAsync(static (_, _) => Outcome.FromExceptionAsValueTask<int>(Failure), context, State).AsTask().Wait();
            ResilienceContextPool.Shared.Return(context);
        }

        return pipeline;
    }

    private static Contender WithToken<T>(Func<T, CancellationToken, Contender> contender, T target) =>
        contender(target, new CancellationTokenSource().Token);

    private static Contender Sync(PipelineStage stage, CancellationToken token = default) => async calls =>
    {
        for (int i = 0; i < calls; i++)
            await stage.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State, token);
    };

    private static Contender Sync(ResiliencePipeline pipeline, CancellationToken token = default) => async calls =>
    {
        for (int i = 0; i < calls; i++)
            await pipeline.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State, token);
    };

    private static Contender Async(PipelineStage stage, CancellationToken token = default) => async calls =>
    {
        for (int i = 0; i < calls; i++)
            await stage.ExecuteAsync(static (_, _) => Yielding.One(), State, token);
    };

    private static Contender Async(ResiliencePipeline pipeline, CancellationToken token = default) => async calls =>
    {
        for (int i = 0; i < calls; i++)
            await pipeline.ExecuteAsync(static (_, _) => Yielding.One(), State, token);
    };

    private static Contender OpenResult(PipelineStage stage) => async calls =>
    {
        for (int i = 0; i < calls; i++)
        {
            StageResult<int> result = await stage.TryExecuteAsync(static (_, _) => new ValueTask<int>(1), State);
            if (!result.IsRejected)
                throw new UnreachableException();
        }
    };

    private static Contender OpenResult(ResiliencePipeline pipeline) => async calls =>
    {
        ResilienceContext context = ResilienceContextPool.Shared.Get();
        for (int i = 0; i < calls; i++)
        {
            Outcome<int> outcome = await pipeline.ExecuteOutcomeAsync(static (_, _) => Outcome.FromResultAsValueTask(1), context, State);
            if (outcome.Exception is not BrokenCircuitException)
                throw new UnreachableException();
        }

        ResilienceContextPool.Shared.Return(context);
    };

    private static Contender OpenThrow(PipelineStage stage) => async calls =>
    {
        for (int i = 0; i < calls; i++)
        {
            try
            {
                await stage.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State);
                throw new UnreachableException();
            }
            catch (CircuitOpenException)
            {
            }
        }
    };

    private static Contender OpenThrow(ResiliencePipeline pipeline) => async calls =>
    {
        for (int i = 0; i < calls; i++)
        {
            try
            {
                await pipeline.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State);
                throw new UnreachableException();
            }
            catch (BrokenCircuitException)
            {
            }
        }
    };

    private static Contender RetryTwiceResult(PipelineStage stage) => async calls =>
    {
        var attempts = new Attempts();
        for (int i = 0; i < calls; i++)
            await stage.ExecuteAsync(static (attempts, _) => new ValueTask<int>(attempts.IsThird() ? 1 : 0), attempts);
    };

    private static Contender RetryTwiceResult(ResiliencePipeline<int> pipeline) => async calls =>
    {
        var attempts = new Attempts();
        for (int i = 0; i < calls; i++)
            await pipeline.ExecuteAsync(static (attempts, _) => new ValueTask<int>(attempts.IsThird() ? 1 : 0), attempts);
    };

    private static Contender RetryTwiceThrow(PipelineStage stage) => async calls =>
    {
        var attempts = new Attempts();
        for (int i = 0; i < calls; i++)
            await stage.ExecuteAsync(static (attempts, _) => attempts.ThrowTwice(), attempts);
    };

    private static Contender RetryTwiceThrow(ResiliencePipeline pipeline) => async calls =>
    {
        var attempts = new Attempts();
        for (int i = 0; i < calls; i++)
            await pipeline.ExecuteAsync(static (attempts, _) => attempts.ThrowTwice(), attempts);
    };

    /// <summary>
    /// The engine with a listener on, against what one would write by hand around a bare delegate: a stopwatch and a histogram with the same tags. The listener wants the
    /// same from both sides, which is the duration of calls and nothing else.
    /// </summary>
    private static Scenario Metered()
    {
        var meters = new Meters();
        PipelineStage stage = PipelineStage.Create("benchmark", "stage", new StageOptions
        {
            Retry = { MaxRetries = MaxRetries, Backoff = Backoff.None },
            CircuitBreaker = { FailureRatio = 1, MinimumThroughput = 100 },
            MeterFactory = meters,
        });
        Histogram<double> byHand = meters.Create(new MeterOptions("hand")).CreateHistogram<double>("hand.duration", "s");
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters) && instrument.Name is "pipelineops.stage.duration" or "hand.duration")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        double sum = 0;
        listener.SetMeasurementEventCallback<double>((_, value, _, _) => sum += value);
        listener.Start();
        Func<object, CancellationToken, ValueTask<int>> action = static (_, _) => new ValueTask<int>(1);
        return new(
            "metered-sync",
            async calls =>
            {
                for (int i = 0; i < calls; i++)
                    await stage.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State);
            },
            async calls =>
            {
                for (int i = 0; i < calls; i++)
                {
                    long start = Stopwatch.GetTimestamp();
                    await action(State, default);
                    byHand.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, new("pipeline", "benchmark"), new("stage", "stage"));
                }

                GC.KeepAlive(listener);
            });
    }

    private static class Yielding
    {
        // Pooled, so that what is counted is what the protection allocates, not the delegate.
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public static async ValueTask<int> One()
        {
            await Task.Yield();
            return 1;
        }
    }

    private sealed class Attempts
    {
        private int _count;

        public bool IsThird() => ++_count % 3 == 0;

        public async ValueTask<int> ThrowTwice()
        {
            await Task.CompletedTask;
            return IsThird() ? 1 : throw new InvalidOperationException(Failure.Message);
        }
    }

    private sealed class Meters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options.Name, options.Version, options.Tags, scope: this);

        public void Dispose()
        {
        }
    }
}
